package agentd

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// foreignRoutesWarning warns where systemd-networkd would delete our routes
// whenever it starts: ManageForeignRoutes= is yes by default (networkd.conf(5)).
func foreignRoutesWarning(root fs.FS) string {
	if _, err := fs.Stat(root, "run/systemd/netif"); err != nil {
		return "" // systemd-networkd makes it when it runs
	}
	if manage, ok := manageForeignRoutes(root); ok && !manage {
		return ""
	}
	return "systemd-networkd deletes routes that it does not know when it starts; put '[Network]' and 'ManageForeignRoutes=no' into " +
		"/etc/systemd/networkd.conf.d/10-hcsroute.conf and restart it (the agent puts its routes back, but later)"
}

// manageForeignRoutes reads the setting as systemd does: the main file, then
// the drop-ins by name, where a name in a folder hides those of later folders.
func manageForeignRoutes(root fs.FS) (value, set bool) {
	folders := []string{"etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"}
	for _, folder := range folders {
		if data, err := fs.ReadFile(root, path.Join(folder, "networkd.conf")); err == nil {
			value, set = readSetting(data, value, set)
			break
		}
	}
	dropIns := map[string]string{}
	for _, folder := range slices.Backward(folders) {
		files, _ := fs.Glob(root, path.Join(folder, "networkd.conf.d", "*.conf"))
		for _, f := range files {
			dropIns[path.Base(f)] = f
		}
	}
	var names []string
	for name := range dropIns {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if data, err := fs.ReadFile(root, dropIns[name]); err == nil {
			value, set = readSetting(data, value, set)
		}
	}
	return value, set
}

func readSetting(data []byte, value, set bool) (bool, bool) {
	section := ""
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = line
		}
		key, text, ok := strings.Cut(line, "=")
		if !ok || section != "[Network]" || strings.TrimSpace(key) != "ManageForeignRoutes" {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "1", "yes", "y", "true", "t", "on":
			value, set = true, true
		case "0", "no", "n", "false", "f", "off":
			value, set = false, true
		case "":
			set = false
		}
	}
	return value, set
}
