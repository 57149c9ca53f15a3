package fleet_test

import (
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// TestEachFaultHasItsRemedy: what to do about a node without a session follows
// from why it has none.
func TestEachFaultHasItsRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		fault           fault
		endpoint        func(dir string) string // nil: that of an agent
		claim           func(routes.Version) routes.Version
		problem, remedy string
	}{
		"nobody listens": {
			endpoint: func(dir string) string { return "unix://" + filepath.Join(dir, "none.sock") },
			problem:  "no such file", remedy: "systemctl status hcsroute-agent",
		},
		"no endpoint":      {endpoint: func(string) string { return "" }, problem: "no endpoint", remedy: "endpoint into the inventory file"},
		"another program":  {fault: faultNoHello, problem: "is not a hello", remedy: "another program listens"},
		"a wrong endpoint": {fault: faultWrongID, problem: "not of \"k8s-master\"", remedy: "endpoint or the id in the inventory file"},
		"another release":  {fault: faultProtocol, problem: "the agent speaks protocol", remedy: "the same release on the device and in the node"},
		"another store": {
			claim:   func(v routes.Version) routes.Version { v.StoreID = "0f3c5c0e-9d0e-4a53-8a4b-0b8f5f2d7c11"; return v },
			problem: "routes of another store (0f3c5c0e-9d0e-4a53-8a4b-0b8f5f2d7c11", remedy: "'hcsroute nodes adopt k8s-master'",
		},
		"a refusal": {fault: faultRefuse, problem: "the agent refuses", remedy: "journalctl -u hcsroute-agent"},
		"an unproved claim": {
			claim:   func(v routes.Version) routes.Version { v.Revision += 900; return v },
			problem: "nothing shows that this store ever issued", remedy: "'hcsroute nodes adopt k8s-master'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			timing := quick()
			timing.RetryMin, timing.RetryMax = time.Hour, time.Hour // the first answer is the last
			a := newFakeAgent("k8s-master")
			r := newRig(t, timing)
			r.add(camera())
			if c.claim != nil {
				a.held = c.claim(r.store.Info().Version)
			}
			if c.fault != "" {
				a.inject(c.fault)
			}
			dir := t.TempDir()
			endpoint, stop := a.listen(t, dir)
			t.Cleanup(stop)
			if c.endpoint != nil {
				endpoint = c.endpoint(dir)
			}
			r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
			r.until("the problem", func() bool { return strings.Contains(r.node(a.id).Problem, c.problem) })
			n := r.node(a.id)
			if !strings.Contains(n.Remedy, c.remedy) || !strings.HasSuffix(n.Remedy, ".") {
				t.Errorf("problem %q, remedy %q", n.Problem, n.Remedy)
			}
			if strings.Contains(n.Problem, n.Remedy) || n.Certificate != nil {
				t.Errorf("problem %q with the remedy in it, certificate %v", n.Problem, n.Certificate)
			}
		})
	}
}

// TestANodeShowsItsCertificate: while its session lasts, and no problem needs a remedy.
func TestANodeShowsItsCertificate(t *testing.T) {
	a := newFakeAgent("k8s-master")
	r, _, _ := proving(t, a, quick())
	if n := r.node(a.id); n.Certificate == nil || n.Certificate.SerialNumber.Cmp(big.NewInt(42)) != 0 || n.Remedy != "" {
		t.Errorf("certificate %v, remedy %q", n.Certificate, n.Remedy)
	}
}
