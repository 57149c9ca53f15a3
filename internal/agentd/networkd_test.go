package agentd

import (
	"testing"
	"testing/fstest"

	"github.com/hcsroute/hcsroute/internal/config"
)

func vsockAddress() config.Address { return config.Address{Network: "vsock", Host: "3:1024"} }

func TestForeignRoutesWarning(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	running := fstest.MapFS{"run/systemd/netif/state": file("")}
	for name, c := range map[string]struct {
		files map[string]string
		warn  bool
	}{
		"default":                       {nil, true},
		"no":                            {map[string]string{"etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n"}, false},
		"wrong section":                 {map[string]string{"etc/systemd/networkd.conf": "[DHCPv4]\nManageForeignRoutes=no\n"}, true},
		"comment":                       {map[string]string{"etc/systemd/networkd.conf": "[Network]\n#ManageForeignRoutes=no\n"}, true},
		"drop-in":                       {map[string]string{"usr/lib/systemd/networkd.conf.d/a.conf": "[Network]\nManageForeignRoutes = off\n"}, false},
		"a later drop-in wins":          {map[string]string{"etc/systemd/networkd.conf.d/a.conf": "[Network]\nManageForeignRoutes=no\n", "usr/lib/systemd/networkd.conf.d/b.conf": "[Network]\nManageForeignRoutes=yes\n"}, true},
		"/etc hides /usr":               {map[string]string{"etc/systemd/networkd.conf.d/a.conf": "[Network]\nManageForeignRoutes=no\n", "usr/lib/systemd/networkd.conf.d/a.conf": "[Network]\nManageForeignRoutes=yes\n"}, false},
		"empty is the default":          {map[string]string{"etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\nManageForeignRoutes=\n"}, true},
		"a drop-in wins over the main":  {map[string]string{"etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n", "run/systemd/networkd.conf.d/z.conf": "[Network]\nManageForeignRoutes=true\n"}, true},
		"/etc's main file hides /usr's": {map[string]string{"etc/systemd/networkd.conf": "[Network]\n", "usr/lib/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n"}, true},
	} {
		root := fstest.MapFS{}
		for path, f := range running {
			root[path] = f
		}
		for path, text := range c.files {
			root[path] = file(text)
		}
		if got := foreignRoutesWarning(root); (got != "") != c.warn {
			t.Errorf("%s: warning %q", name, got)
		}
	}
	if got := foreignRoutesWarning(fstest.MapFS{}); got != "" {
		t.Errorf("without systemd-networkd: %q", got)
	}
}
