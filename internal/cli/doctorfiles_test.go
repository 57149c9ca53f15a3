package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// TestDoctorWithoutAService: where nothing listens on the device, what keeps the
// service from starting is named, and no start is advised before that is mended.
func TestDoctorWithoutAService(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the service runs on Linux only")
	}
	dir := t.TempDir()
	conf, inventory := filepath.Join(dir, "hcsrouted.yaml"), filepath.Join(dir, "inventory.yaml")
	address := "unix://" + filepath.Join(dir, "no.sock")
	sound := "listen: {local: {address: '" + address + "'}}\ninventory: {provider: none, file: inventory.yaml}\n"
	const nodes = "nodes:\n  - {name: k8s-master, endpoint: 'unix:///run/a.sock'}\n"
	for name, c := range map[string]struct {
		conf, inventory string
		code            int
		says, silent    string
	}{
		"sound":     {sound, nodes, 8, "ok    configuration: " + conf, "cannot start"},
		"mistake":   {sound + "limits: {connections: 0}\n", nodes, 2, "FAIL  configuration: " + conf + ":3: limits.connections: \"0\": want 1 to 100000\n      hint: Correct it there; then run 'systemctl start hcsrouted'\n", "then start it"},
		"two":       {sound + "limits: {connections: 0}\nlog: {depth: info}\n", nodes, 2, ":4: log.depth: unknown key", "then start it"},
		"inventory": {sound, nodes + "  - {name: b, nisc: []}\n", 2, "FAIL  configuration: inventory file " + inventory + ":3: ", "then start it"},
		"no file":   {sound, "", 2, "inventory.yaml: no such file", "then start it"},
		"no keys":   {sound + "agents: {tls: {cert: a.crt, key: a.key, ca: ca.crt}}\n", nodes, 2, "FAIL  configuration: agents.tls: certificate " + filepath.Join(dir, "a.crt"), "then start it"},
		"elsewhere": {strings.Replace(sound, "no.sock", "other.sock", 1), nodes, 8, "hint: By " + conf + " the service listens at unix://" + filepath.Join(dir, "other.sock"), "then start it"},
	} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(inventory)
			for path, data := range map[string]string{conf: c.conf, inventory: c.inventory} {
				if data == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			stdout, _, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": address, "HCSROUTED_CONFIG": conf}, "doctor")
			if code != c.code || !strings.Contains(stdout, c.says) || strings.Contains(stdout, c.silent) || !strings.Contains(stdout, "FAIL  service: ") {
				t.Errorf("code %d, want %d with %q and without %q:\n%s", code, c.code, c.says, c.silent, stdout)
			}
		})
	}
}

// TestDoctorOfAServiceWithBadFiles: one that runs needs another command than one
// that does not, and for its inventory none.
func TestDoctorOfAServiceWithBadFiles(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	dir := t.TempDir()
	conf, inventory := filepath.Join(dir, "hcsrouted.yaml"), filepath.Join(dir, "inventory.yaml")
	sound := "listen: {local: {address: '" + s.Address + "'}}\ninventory: {provider: none, file: inventory.yaml}\n"
	for name, c := range map[string]struct{ conf, inventory, says, silent string }{
		"sound":         {sound, "nodes: []\n", "ok    configuration: ", "systemctl"},
		"configuration": {sound + "limits: {connections: 0}\n", "nodes: []\n", "hint: Correct it there, then run 'systemctl reload hcsrouted'; ", "systemctl start"},
		"inventory":     {sound, "nodes: {}\n", "hint: Correct it there: it is read again by itself. ", "systemctl"},
	} {
		for path, data := range map[string]string{conf: c.conf, inventory: c.inventory} {
			if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		stdout, _, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address, "HCSROUTED_CONFIG": conf}, "doctor")
		if (code == 0) != (name == "sound") || !strings.Contains(stdout, c.says) || strings.Contains(stdout, c.silent) {
			t.Errorf("%s: code %d, without %q:\n%s", name, code, c.silent, stdout)
		}
	}
}
