// Package version says which build this is.
package version

import (
	"runtime/debug"
	"strings"
)

// version is set when a release is linked:
//
//	go build -ldflags "-X github.com/hcsroute/hcsroute/internal/version.version=1.2.3"
var version string

// String is the release's version, or what the build recorded: the module's
// version, else the commit with "-dirty" for a changed tree, else "devel".
func String() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	return fromBuild(info)
}

func fromBuild(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimPrefix(v, "v")
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			commit = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return "devel"
	}
	return "devel-" + commit + dirty
}
