package arch

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// area is a folder and what its packages may import of ours, beside packages
// of the same area. The first that fits a package counts.
type area struct {
	folder string
	may    []string
}

// areas is the table of docs/architecture.md in full.
func areas() []area {
	api, session := "proto/hcsroute/v1", "proto/agent/v1"
	return []area{
		{"routes", nil},
		{"proto", nil},
		{"store/boltstore", []string{"routes", "store", "internal/diskspace", "internal/privilege"}},
		{"store", []string{"routes"}},
		// Generated code at the edges only: the sessions, the services, the CLI.
		{"hostvm/fleet/dial", []string{"routes", "internal/certs"}},
		{"hostvm/fleet/fleettest", []string{"routes", "store", "hostvm"}},
		{"hostvm/fleet", []string{"routes", "store", "hostvm", session, "internal/wire/agentapi"}},
		{"hostvm/file", []string{"routes", "hostvm", "internal/filemode"}},
		{"hostvm/linux", []string{"routes", "hostvm", "internal/netlist"}},
		{"hostvm/internal", nil},
		{"hostvm", []string{"routes"}},
		{"server", []string{"routes", "store", "hostvm", api, "internal/wire/publicapi", "internal/certs", "internal/listen"}},
		{"agent/agenttest", []string{"routes", "agent/desired", session, "internal/wire/agentapi"}},
		{"agent/desired", []string{"routes"}},
		{"agent/journal", []string{"routes", "agent/desired"}},
		{"agent/rtnl", []string{"routes"}},
		{"agent/kernel", []string{"routes", "agent/rtnl", "internal/netlist"}},
		{"agent/table", []string{"routes", "agent/kernel"}},
		{"agent", []string{"routes", session, "internal/wire/agentapi"}},
		{"internal/wire/publicapi", []string{"routes", api}},
		{"internal/wire/agentapi", []string{"routes", session}},
		{"internal/config", []string{"routes", "internal/certs"}},
		{"internal/process", []string{"internal/config", "internal/privilege", "internal/version"}},
		{"internal/agentd", []string{"agent", session, "internal/wire/agentapi", "internal/certs", "internal/config", "internal/filemode", "internal/listen", "internal/privilege", "internal/process", "internal/version"}},
		{"internal/hostd", []string{"routes", "store", "hostvm", "server", "internal/certs", "internal/config", "internal/filemode", "internal/privilege", "internal/process", "internal/version"}},
		{"internal/cli/clitest", []string{"routes", "store", "hostvm/fleet/fleettest", "server", "internal/version"}},
		{"internal/cli", []string{"routes", "store", api, "hostvm/file", "internal/wire/publicapi", "internal/certs", "internal/config", "internal/diskspace", "internal/version"}},
		{"internal", nil},
		{"docs/examples", []string{api}},
		{"tools/bench", []string{"routes", "agent", "proto", "internal/wire/agentapi", "lab"}},
		{"tools/hcsroute-bench", []string{"lab", "tools/bench"}},
		{"tools", []string{"routes"}},
		{"lab", []string{api}},
		{"pwsh-module", nil},
		{"cmd/hcsrouted", []string{"internal/hostd", "internal/process"}},
		{"cmd/hcsroute-agent", []string{"internal/agentd", "internal/process"}},
		{"cmd/hcsroute-lab", []string{"lab"}},
		{"cmd/hcsroute", []string{"internal/cli"}},
	}
}

// forTests is true for the packages that only tests import.
func forTests(dir string) bool {
	return slices.Contains([]string{"agenttest", "kernelfake", "kerneltest", "storetest", "fleettest", "clitest", "nstest", "polltest", "labtest"}, path.Base(dir))
}

// importProblems says what a file imports and may not. Tests may import what they
// like.
func importProblems(f file) (problems []string) {
	if f.test {
		return nil
	}
	report := func(format string, args ...any) {
		problems = append(problems, f.path+": "+fmt.Sprintf(format, args...))
	}
	own, other := f.imports()
	all := areas()
	i := slices.IndexFunc(all, func(a area) bool { return within(f.dir, a.folder) })
	if i < 0 {
		return []string{f.path + ": its folder is in no area; say in tools/arch and in docs/architecture.md what it may import"}
	}
	for _, p := range own {
		if !within(p, all[i].folder) && !within(p, all[i].may...) {
			report("%s imports %s; it may import %s", all[i].folder, p, strings.Join(append(all[i].may, "nothing else of ours"), ", "))
		}
		if within(p, "hostvm/fleet") && within(f.dir, "hostvm") && !within(f.dir, "hostvm/fleet") {
			report("imports %s; the inventory and its providers know no session", p)
		}
		if forTests(p) && !forTests(f.dir) {
			report("imports %s, which is for tests", p)
		}
	}
	for _, p := range other {
		first, _, _ := strings.Cut(p, "/")
		switch {
		case within(f.dir, "routes") && (strings.Contains(first, ".") || slices.Contains([]string{"os", "net", "net/http", "log/slog"}, p)):
			report("the domain imports %s; it is pure: the standard library only, and no I/O", p)
		case p == "unsafe" && !strings.HasSuffix(f.path, "_linux.go"):
			report("imports unsafe")
		}
	}
	return problems
}

func TestImports(t *testing.T) {
	for _, f := range load(t) {
		for _, problem := range importProblems(f) {
			t.Error(problem)
		}
	}
}
