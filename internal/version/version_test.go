package version

import (
	"runtime/debug"
	"testing"
)

func TestFromBuild(t *testing.T) {
	setting := func(k, v string) debug.BuildSetting { return debug.BuildSetting{Key: k, Value: v} }
	for _, c := range []struct {
		name, want string
		info       debug.BuildInfo
	}{
		{"a module of a release", "1.2.3", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}},
		{"a clean checkout", "devel-0123456789ab", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false")}}},
		{"a changed checkout", "devel-0123456789ab-dirty", debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "true")}}},
		{"no version control", "devel", debug.BuildInfo{}},
	} {
		if got := fromBuild(&c.info); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if String() == "" {
		t.Error("String is empty")
	}
}
