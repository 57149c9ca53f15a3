//go:build linux

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// slow skips a test that takes long; make slow runs these.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv("HCSROUTE_SLOW") == "" {
		t.Skip("slow; make slow runs it")
	}
}

// foundWithin is the promise: 30 s of silence, 10 s for the answer to a ping.
const foundWithin = 40 * time.Second

// TestSlowHalfOpenLink: a node whose link dies without a word is found with
// the default settings, and is served again when the link is back.
func TestSlowHalfOpenLink(t *testing.T) {
	slow(t)
	s := start(t, system.Options{TCP: &system.TCP{}})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	host := s.Lab.NS(lab.Host)
	if err := host.SetDown("vm2-int"); err != nil { // the switch's end of k8s-worker's cable
		t.Fatal(err)
	}
	dropped := time.Now()
	problem := func() bool {
		res, err := s.CLI(t.Context(), "get", "192.168.21.0/24", "-o", "wide")
		return err == nil && contains(res.Stdout, "AGENT_UNREACHABLE")
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !problem() {
		if time.Since(dropped) > foundWithin+5*time.Second {
			t.Fatalf("not found %s after the link went", time.Since(dropped))
		}
		<-tick.C
	}
	took := time.Since(dropped)
	if t.Logf("found after %s", took.Round(100*time.Millisecond)); took > foundWithin+time.Second {
		t.Errorf("found after %s, want %s at most", took, foundWithin)
	}
	// The other node is served meanwhile; for this one the add waits in vain.
	if res := cli(t, s, 9, "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--timeout", "1s"); !contains(res.Stderr, "NOT_PROGRAMMED", "k8s-worker", "AGENT_UNREACHABLE") {
		t.Errorf("an add while the node is away:\n%s", res.Stderr)
	}
	if n := own(t, s, "k8s-master"); n != 2 {
		t.Errorf("the other node has %d routes", n)
	}
	if err := host.SetUp("vm2-int"); err != nil {
		t.Fatal(err)
	}
	cli(t, s, 0, "wait", "--timeout", "60s")
	if n := own(t, s, "k8s-worker"); n != 2 {
		t.Errorf("the node that came back has %d routes", n)
	}
}
