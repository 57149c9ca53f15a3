package cli_test

import (
	"cmp"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
)

// oneState is a fleet whose nodes say the same of every route.
type oneState struct {
	fleet.Fleet
	says *atomic.Pointer[routes.NodeStatus]
}

func (f oneState) Status(rec routes.Record) []routes.NodeStatus {
	if s := f.says.Load(); s != nil {
		return onBoth(*s)
	}
	return f.Fleet.Status(rec)
}

func (f oneState) Nodes() []fleet.NodeInfo {
	list := f.Fleet.Nodes()
	for i := range list {
		if s := f.says.Load(); s != nil && s.State != routes.Programmed {
			list[i].Waiting, list[i].Programmed = list[i].Programmed, 0
		}
	}
	return list
}

// TestDoctorOfEachCause: whatever keeps routes from a kernel is named once, with
// how many, which, and what to do, and never called ok.
func TestDoctorOfEachCause(t *testing.T) {
	var says atomic.Pointer[routes.NodeStatus]
	s := clitest.Start(t, clitest.Options{Server: func(o *server.Options) { o.Fleet = oneState{o.Fleet, &says} }})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
	for _, destination := range []string{"192.168.21.0/24", "192.168.22.0/24", "192.168.23.0/24", "192.168.24.0/24", "2001:db8:cafe:25::/64"} {
		hop := "192.168.20.1"
		if strings.Contains(destination, ":") {
			hop = "2001:db8:20::1"
		}
		ask(t, env, "", "add", "Port3", destination, hop)
	}
	stdout, _, code := run(t, "", env, "doctor")
	if code != 0 || !strings.Contains(stdout, "ok    node k8s-worker: connected, 5 routes programmed\n") || !strings.Contains(stdout, "ok    routes: nothing is wrong with the 5 ") {
		t.Errorf("code %d:\n%s", code, stdout)
	}
	for _, row := range routes.Causes() {
		status := routes.NodeStatus{State: routes.Waiting, Cause: routes.Cause(row.Code), Detail: "as the test says"}
		if c := routes.Condition(row.Code); c == routes.Standby || c == routes.Shadowed || c == routes.Shared {
			status = routes.NodeStatus{State: routes.Programmed, Condition: c, Detail: "as the test says"}
		}
		says.Store(&status)
		stdout, _, code := run(t, "", env, "doctor")
		want, label := 0, "warn"
		if row.Severity == routes.SeverityFailure {
			info, _ := row.Reason.Info()
			want, label = int(info.Exit), "FAIL"
		}
		line := label + "  5 routes " + string(status.State) + " " + row.Code + " on k8s-master, k8s-worker: as the test says (192.168.21.0/24, 192.168.22.0/24, 192.168.23.0/24 on Port3 and 2 more)\n      hint: " + row.Remedy + "\n"
		if code != want || strings.Contains(stdout, line) != (row.Severity != routes.SeverityOK) {
			t.Errorf("%s: code %d, want %d and\n%sin\n%s", row.Code, code, want, line, stdout)
		}
		if row.Severity != routes.SeverityOK && status.State != routes.Programmed && strings.Contains(stdout, "ok    node") {
			t.Errorf("%s: a node that lacks routes is ok:\n%s", row.Code, stdout)
		}
	}
	var object struct {
		Healthy bool
		Checks  []struct {
			Name, Status, Remedy, Reason string
			Finding                      *struct {
				State, Code, Remedy string
				Routes              int
				Examples            []struct{ Destination string }
				Nodes               []string
			}
		}
	}
	status := routes.NodeStatus{State: routes.Failed, Cause: routes.KernelRejected}
	says.Store(&status)
	stdout, _, code = run(t, "", env, "doctor", "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &object); err != nil || code != 9 || object.Healthy {
		t.Fatalf("code %d %v:\n%s", code, err, stdout)
	}
	found := false
	for _, c := range object.Checks {
		if f := c.Finding; f != nil && f.Code == "KERNEL_REJECTED" {
			found = c.Status == "fail" && c.Reason == "NOT_PROGRAMMED" && c.Remedy == f.Remedy && f.State == "FAILED" && f.Routes == 5 && len(f.Examples) == 3 && len(f.Nodes) == 2
		}
	}
	if !found {
		t.Errorf("no such finding in\n%s", stdout)
	}
}

// oddPorts is a fleet that lacks facts.
type oddPorts struct {
	fleet.Fleet
	snap    hostvm.Snapshot
	unknown string // an alias, or * for all
}

func (f oddPorts) Inventory() *hostvm.Snapshot {
	snap := f.snap
	snap.Ports = f.Fleet.Inventory().Ports
	return &snap
}

func (f oddPorts) Facts(alias string) routes.Facts {
	facts := f.Fleet.Facts(alias)
	if f.unknown == "*" || f.unknown == alias {
		facts.Known, facts.Problem = false, "two links bear its name"
	}
	return facts
}

// TestDoctorOfTheInventory: it fails where nothing is known of the ports; what is
// odd beside that is a warning.
func TestDoctorOfTheInventory(t *testing.T) {
	for name, c := range map[string]struct {
		fleet oddPorts
		code  int
		says  []string
	}{
		"nothing is known": {oddPorts{snap: hostvm.Snapshot{Problem: "netlink: no buffer space"}, unknown: "*"}, 8, []string{"FAIL  inventory: netlink: no buffer space\n      hint: "}},
		"one port":         {oddPorts{unknown: "Port4"}, 0, []string{"warn  port Port4: ", "two links bear its name\n      hint: ", "ok    ports: 1 of 5 take routes\n"}},
		"an odd file":      {oddPorts{snap: hostvm.Snapshot{Diagnostics: []hostvm.Diagnostic{{Problem: "the inventory file declares Port9, but the device has no such interface"}}}}, 0, []string{"warn  inventory: the inventory file declares Port9", "ok    ports: 2 of 5 take routes\n"}},
	} {
		s := clitest.Start(t, clitest.Options{Server: func(o *server.Options) {
			odd := c.fleet
			odd.Fleet = o.Fleet
			o.Fleet = odd
		}})
		stdout, _, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address}, "doctor")
		for _, want := range c.says {
			if code != c.code || !strings.Contains(stdout, want) {
				t.Errorf("%s: code %d, want %d and %q in\n%s", name, code, c.code, want, stdout)
			}
		}
	}
}

// broken is a store that takes no writes.
type broken struct {
	store.Store
	err *routes.Error
}

func (b broken) Info() store.Info {
	info := b.Store.Info()
	info.Err = b.err
	return info
}

// TestDoctorOfAStoreThatRefuses: with the reason and the remedy of the refusal.
func TestDoctorOfAStoreThatRefuses(t *testing.T) {
	for reason, hint := range map[routes.Reason]string{
		routes.DiskFull:    "hint: Free space on the device; writes resume by themselves.",
		routes.StoreFailed: "hint: Restart the service after checking the disk; run hcsroute check.",
	} {
		e := &routes.Error{Reason: reason, Problem: "as the test says"}
		s := clitest.Start(t, clitest.Options{Server: func(o *server.Options) { o.Store = broken{o.Store, e} }})
		stdout, _, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address}, "doctor")
		said := map[routes.Reason]string{routes.DiskFull: "the last write was refused"}[reason] // the next one is tried
		if code != 10 || !strings.Contains(stdout, "FAIL  store: "+cmp.Or(said, "no writes are accepted")+", "+string(reason)+": as the test says\n      "+hint+"\n") {
			t.Errorf("%s: code %d\n%s", reason, code, stdout)
		}
		if reason == routes.DiskFull && strings.Contains(strings.ToLower(stdout), "restart") {
			t.Errorf("nothing needs a restart:\n%s", stdout)
		}
	}
}
