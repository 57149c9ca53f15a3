package fleet_test

import (
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestAnOldReportIsStale: an agent that is silent for twice the time in which
// it must report is not believed any more, until it reports again.
func TestAnOldReportIsStale(t *testing.T) {
	timing := quick()
	timing.ReportEvery = time.Second // long enough to see a new report before it is old, too
	timing.Answer = time.Hour
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, timing, nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	a.do(func() {
		if every := a.hellos[0].GetReportEvery().AsDuration(); every != timing.ReportEvery {
			t.Errorf("the agent was asked to report every %s", every)
		}
	})
	rev := r.add(camera())
	r.until("stale", func() bool { return r.status(camera()).Cause == routes.Stale })
	st := r.status(camera())
	if st.State != routes.Waiting || st.Reported.IsZero() || !strings.Contains(st.Detail, "has not reported for") || !strings.Contains(st.Detail, "programmed when last seen") {
		t.Errorf("%+v", st)
	}
	if w := r.glance(fleet.Awaited{Revision: rev, Keys: []routes.Key{camera().Key()}}); w.Reached || len(w.Late) != 1 || w.Late[0].Cause != routes.Stale {
		t.Errorf("a wait: %+v", w)
	}
	if n := r.node(a.id); !n.Connected || !strings.Contains(n.Problem, "has not reported for") || n.Programmed != 0 || n.Waiting != 1 || n.Revision != rev {
		t.Errorf("%+v", n)
	}
	a.say(&pb.Report{})
	r.until("programmed again", func() bool { return r.status(camera()).State == routes.Programmed })
	a.inject(faultSilent)
	r.remove(camera())
	r.until("a stale removal", func() bool { return r.status(camera()).Cause == routes.Stale })
	if st := r.status(camera()); st.State != routes.Removing || st.Reported.IsZero() {
		t.Errorf("%+v", st)
	}
	stop()
	r.until("the loss", func() bool { return r.status(camera()).Cause == routes.AgentUnreachable })
}

// TestReportsAreDueAsDocumented: every 10 s, so that STALE comes after 20 s.
func TestReportsAreDueAsDocumented(t *testing.T) {
	if every := fleet.DefaultTiming().ReportEvery; every != 10*time.Second {
		t.Errorf("agents are asked for a report every %s", every)
	}
}

// TestSessionsAge: a session gives way to a new one, and nobody calls that a problem.
func TestSessionsAge(t *testing.T) {
	timing := quick()
	timing.SessionAge = 200 * time.Millisecond
	r, a := start(t, timing)
	r.until("session", r.connected(a.id))
	rev := r.add(camera())
	poll(t, "the third session", func() bool { // which changes nothing for watchers
		n := 0
		a.do(func() { n = len(a.hellos) })
		return n >= 3 && r.connected(a.id)()
	})
	if w := r.wait(rev, camera().Key()); !w.Reached {
		t.Errorf("%+v", w)
	}
}

// proof is a connection whose proof ends when the test says so.
type proof struct {
	net.Conn
	ended chan error
}

func (p proof) Leaf() *x509.Certificate { return &x509.Certificate{SerialNumber: big.NewInt(42)} }

func (p proof) Watch(ctx context.Context, fail func(error)) {
	select {
	case <-ctx.Done():
	case err := <-p.ended:
		fail(err)
	}
}

type provingDialer struct {
	fleet.Dialer
	ended chan error
}

func (d provingDialer) Dial(ctx context.Context, endpoint, id string) (net.Conn, error) {
	conn, err := d.Dialer.Dial(ctx, endpoint, id)
	return proof{conn, d.ended}, err
}

// end lets whoever watches the connection know that its proof has ended.
func (d provingDialer) end(t *testing.T, why string) {
	t.Helper()
	select {
	case d.ended <- errors.New(why):
	case <-time.After(patience):
		t.Fatal("nobody watches the connection's proof")
	}
}

// proving is a rig in a session with an agent, whose connection has a proof that
// can be ended.
func proving(t *testing.T, a *fakeAgent, timing fleet.Timing) (r *rig, d provingDialer, stopAgent func()) {
	t.Helper()
	endpoint, stopAgent := a.listen(t, t.TempDir())
	r = newRig(t, timing)
	t.Cleanup(stopAgent)
	r.stop()
	d = provingDialer{dial.New(dial.Options{}), make(chan error)}
	r.dialer = d
	r.run(timing)
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
	r.until("session", r.connected(a.id))
	return r, d, stopAgent
}

// TestASessionEndsWithItsProof, and says why.
func TestASessionEndsWithItsProof(t *testing.T) {
	a := newFakeAgent("k8s-master")
	timing := quick()
	timing.RetryMin, timing.RetryMax, timing.RetryMaxAuto = time.Hour, time.Hour, time.Hour
	r, d, _ := proving(t, a, timing)
	d.end(t, "the certificate of \"k8s-master\" has expired")
	r.until("its end", func() bool {
		n := r.node(a.id)
		return !n.Connected && strings.Contains(n.Problem, "has expired")
	})
}
