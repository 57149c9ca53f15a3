//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

// hang stops a node's agent without ending it, and lets it go on with resume. It
// waits until all threads have stopped: on a busy machine the signal comes late.
func hang(t *testing.T, s *system.System, node string) (resume func()) {
	t.Helper()
	agent := s.Agent(node)
	if err := agent.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume = func() {
		if err := agent.Signal(syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(resume)
	polltest.Until(t, "the agent stops", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", agent.PID()))
		return err == nil && len(threads) > 0 && !slices.ContainsFunc(threads, func(path string) bool {
			data, err := os.ReadFile(path)
			_, state, found := bytes.Cut(data, []byte(") ")) // after the program's name
			return err != nil || !found || state[0] != 'T'
		})
	})
	return resume
}

// TestAHungAgent: calls are bounded, what is stored is stored, the late node is
// named, the other node is served, and a removal stays visible until proved.
func TestAHungAgent(t *testing.T) {
	s := start(t, system.Options{})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	resume := hang(t, s, "k8s-worker")
	res := cli(t, s, 9, "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--timeout", "5s") // long enough for the other node
	longer := s.Command(t.Context(), s.Binaries.CLI, "wait", "--timeout", "60s")
	if err := longer.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- longer.Wait() }()
	cli(t, s, 9, "wait", "--timeout", "100ms")
	select {
	case err := <-ended:
		t.Errorf("a wait of a minute ended before a short one: %v", err)
	default:
		_ = longer.Process.Kill()
		<-ended
	}
	if !contains(res.Stderr, "NOT_PROGRAMMED", "k8s-worker") || contains(res.Stderr, "k8s-master") {
		t.Errorf("the late node is not named, or another is:\n%s", res.Stderr)
	}
	if own(t, s, "k8s-master") != 2 {
		t.Error("the node that answers does not have the route")
	}
	cli(t, s, 0, "add", "Port3", "fd00:21::/64", "fd00:20::1", "--wait=stored")
	res = cli(t, s, 9, "remove", "Port3", "192.168.21.0/24", "--timeout", "100ms")
	if !contains(res.Stdout, "REMOVING") || !contains(cli(t, s, 0, "get", "192.168.21.0/24").Stdout, "REMOVING") {
		t.Errorf("the removal that is not proved does not show:\n%s", res.Stdout)
	}
	// The tombstone is neither there nor in the way.
	again := cli(t, s, 5, "remove", "Port3", "192.168.21.0/24", "--timeout", "100ms")
	if !contains(again.Stderr, "NOT_FOUND", "removed already") {
		t.Errorf("a second removal does not name the one under way:\n%s", again.Stderr)
	}
	cli(t, s, 5, "set", "Port3", "192.168.21.0/24", "--metric", "7")
	res = cli(t, s, 9, "add", "Port3", "192.168.21.0/24", "192.168.20.2", "--timeout", "100ms")
	if !contains(res.Stdout, "added") {
		t.Errorf("another route with the metric of the tombstone:\n%s%s", res.Stdout, res.Stderr)
	}
	cli(t, s, 9, "remove", "Port3", "192.168.22.0/24", "--timeout", "100ms")
	cli(t, s, 9, "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--timeout", "100ms")
	if res := cli(t, s, 0, "get", "192.168.22.0/24"); contains(res.Stdout, "REMOVING") {
		t.Errorf("adding the key again does not supersede the tombstone:\n%s", res.Stdout)
	}
	resume()
	cli(t, s, 0, "wait", "--timeout", "60s")
	if res := cli(t, s, 0, "get"); contains(res.Stdout, "REMOVING") || own(t, s, "k8s-worker") != 3 {
		t.Errorf("the worker goes on, with %d routes:\n%s", own(t, s, "k8s-worker"), res.Stdout)
	}
	if res := cli(t, s, 0, "get", "192.168.21.0/24"); contains(res.Stdout, "192.168.20.1 ") {
		t.Errorf("the removed route still shows:\n%s", res.Stdout)
	}
}

// TestNodesComeAndGo: routes may be there before the nodes are; a node that is
// gone for good holds removals up until it is forgotten.
func TestNodesComeAndGo(t *testing.T) {
	s := start(t, system.Options{})
	polltest.Until(t, "both nodes are known", func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "json")
		return err == nil && strings.Count(res.Stdout, `"known": true`) == 2
	})
	all := readInventory(t, s)
	none := append(bytes.Clone(all[:bytes.Index(all, []byte("nodes:"))]), "nodes: []\n"...)
	editInventory(t, s, none)
	polltest.Until(t, "the nodes are gone from the inventory", func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "json")
		return err == nil && !contains(res.Stdout, `"connected": true`)
	})
	for _, node := range s.Names() {
		cli(t, s, 0, "nodes", "forget", node, "--yes")
	}
	cli(t, s, 5, "nodes", "forget", "k8s-master", "--yes")
	res := cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	if !contains(res.Stdout, "WAITING") {
		t.Errorf("a route without a node:\n%s", res.Stdout)
	}
	editInventory(t, s, all)
	polltest.Until(t, "the nodes that come get the route", func() bool { return own(t, s, "k8s-master") == 1 && own(t, s, "k8s-worker") == 1 })
	cli(t, s, 0, "wait")

	if err := s.KillAgent("k8s-worker"); err != nil {
		t.Fatal(err)
	}
	editInventory(t, s, append(bytes.Clone(all[:bytes.Index(all, []byte("- name: k8s-worker"))]), '\n'))
	polltest.Until(t, "the worker is not listed any more", func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "wide")
		return err == nil && contains(res.Stdout, "the inventory does not list it")
	})
	cli(t, s, 0, "remove", "Port3", "192.168.21.0/24")
	if res := cli(t, s, 0, "get", "-o", "wide"); !contains(res.Stdout, "REMOVING", "k8s-worker") {
		t.Errorf("the worker may still have the route, yet:\n%s", res.Stdout)
	}
	cli(t, s, 0, "nodes", "forget", "k8s-worker", "--yes", "--on-behalf-of", "ann")
	if res := cli(t, s, 0, "get"); contains(res.Stdout, "192.168.21.0/24") {
		t.Errorf("nobody is left to prove it, yet:\n%s", res.Stdout)
	}
	if res := cli(t, s, 0, "audit", "list", "-o", "json"); !contains(res.Stdout, "forget-node", "ann") {
		t.Errorf("forgetting is not in the audit:\n%s", res.Stdout)
	}
	cli(t, s, 0, "audit", "verify")
}

// TestPrivileges: the service cannot change a route, the agent can and nothing else.
func TestPrivileges(t *testing.T) {
	s := start(t, system.Options{})
	const netAdmin = uint64(1) << unix.CAP_NET_ADMIN
	for _, field := range []string{"CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"} {
		if caps := capabilities(t, s.Service().PID(), field); caps&netAdmin != 0 {
			t.Errorf("the service has CAP_NET_ADMIN in %s: %x", field, caps)
		}
		if caps := capabilities(t, s.Agent("k8s-master").PID(), field); caps&^netAdmin != 0 {
			t.Errorf("the agent has more than CAP_NET_ADMIN in %s: %x", field, caps)
		}
	}
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
}

func capabilities(t *testing.T, pid int, field string) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return caps
		}
	}
	t.Fatalf("process %d has no %s", pid, field)
	return 0
}

// TestExplain asks the kernels, for both families.
func TestExplain(t *testing.T) {
	s := start(t, system.Options{})
	for _, c := range []struct{ destination, hop, address, elsewhere, byDefault string }{
		{"192.168.21.0/24", "192.168.20.1", "192.168.21.15", "198.51.100.53", "0.0.0.0/0"},
		{"fd00:21::/64", "fd00:20::1", "fd00:21::15", "2001:db8:ffff::1", "::/0"},
	} {
		before := cli(t, s, 0, "explain", c.address).Stdout
		if !contains(before, "k8s-master", "k8s-worker", c.byDefault) || contains(before, c.hop) {
			t.Errorf("%s before its route:\n%s", c.address, before)
		}
		cli(t, s, 0, "add", "Port3", c.destination, c.hop)
		after := cli(t, s, 0, "explain", c.address, "-o", "json").Stdout
		if strings.Count(after, `"ours": true`) != 2 || !contains(after, `"`+c.destination+`"`, `"`+c.hop+`"`, `"Port3"`) {
			t.Errorf("%s with its route:\n%s", c.address, after)
		}
		if other := cli(t, s, 0, "explain", c.elsewhere, "-o", "json").Stdout; contains(other, `"ours": true`) || !contains(other, c.byDefault) {
			t.Errorf("%s:\n%s", c.elsewhere, other)
		}
	}
}
