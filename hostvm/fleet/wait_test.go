package fleet_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/routes"
)

// nowhere is where no agent listens.
const nowhere = "unix:///nonexistent/agent.sock"

// glance waits no longer than it takes to look.
func (r *rig) glance(a fleet.Awaited) fleet.Waited {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	return r.Wait(ctx, a)
}

// TestWaitNamesWhatIsLate: every listed node counts but one that is declared
// stopped, whether or not the inventory says that it runs; what cannot be
// yet is named, and delays nobody.
func TestWaitNamesWhatIsLate(t *testing.T) {
	key := camera().Key()
	stopped, auto, running, bare := nodeAt("stopped", nowhere), nodeAt("auto", nowhere), nodeAt("running", nowhere), nodeAt("bare", nowhere)
	stopped.State, running.State, bare.NICs = hostvm.NodeStopped, hostvm.NodeRunning, nil
	silent := nodeAt("no endpoint", "")
	for _, c := range []struct {
		name    string
		nodes   []hostvm.Node
		late    routes.Cause
		waiting routes.Cause
	}{
		{"no node", nil, "", routes.NoNodeNIC},
		{"declared stopped", []hostvm.Node{stopped}, "", routes.NodeStopped},
		{"no NIC on the port's switch", []hostvm.Node{bare}, "", routes.NoNodeNIC},
		{"no session", []hostvm.Node{auto}, routes.AgentUnreachable, ""},
		{"declared running", []hostvm.Node{running}, routes.AgentUnreachable, ""},
		{"no endpoint", []hostvm.Node{silent}, routes.AgentUnreachable, ""},
		{"one of each", []hostvm.Node{auto, stopped}, routes.AgentUnreachable, routes.NodeStopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, quick(), c.nodes...)
			rev := r.add(camera())
			check := func(what string, w fleet.Waited, late, waiting routes.Cause) {
				t.Helper()
				if w.Reached != (late == "") {
					t.Errorf("%s: %+v", what, w)
				}
				for _, list := range []struct {
					have []routes.NodeStatus
					want routes.Cause
				}{{w.Late, late}, {w.Waiting, waiting}} {
					if len(list.have) > 1 || (len(list.have) == 1) != (list.want != "") || list.want != "" && list.have[0].Cause != list.want {
						t.Errorf("%s: %+v, want %q late and %q waiting", what, w, late, waiting)
					}
				}
			}
			check("the route", r.glance(fleet.Awaited{Revision: rev, Keys: []routes.Key{key}}), c.late, c.waiting)
			all := r.glance(fleet.Awaited{Revision: rev})
			if c.name == "no NIC on the port's switch" { // what else it has to do cannot be known
				check("all", all, routes.AgentUnreachable, "")
			} else {
				check("all", all, c.late, c.waiting)
			}
			// No node has ever been there to get it, so none has to prove it gone.
			rev = r.remove(camera())
			gone := r.glance(fleet.Awaited{Revision: rev, Gone: []routes.Key{key}})
			if !gone.Reached || len(gone.Late) > 0 {
				t.Errorf("the removal: %+v", gone)
			}
		})
	}
}

// TestARemovalWaitsForAKnownNode: one that may have the route is late, and one
// that is declared stopped is named.
func TestARemovalWaitsForAKnownNode(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	r.until("known", func() bool { return r.node(a.id).Known })
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	rev := r.remove(camera())
	w := r.glance(fleet.Awaited{Revision: rev, Gone: []routes.Key{camera().Key()}})
	if w.Reached || len(w.Late) != 1 || w.Late[0].State != routes.Removing || w.Late[0].Cause != routes.AgentUnreachable {
		t.Errorf("%+v", w)
	}
	n := nodeAt(a.id, endpoint)
	n.State = hostvm.NodeStopped
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{n}})
	for _, a := range []fleet.Awaited{{Revision: rev, Gone: []routes.Key{camera().Key()}}, {Revision: rev}} {
		w := r.await(a)
		if !w.Reached || len(w.Waiting) != 1 || w.Waiting[0].State != routes.Removing || w.Waiting[0].Cause != routes.NodeStopped {
			t.Errorf("%+v", w)
		}
	}
}

func TestWaitEnds(t *testing.T) {
	key := camera().Key()
	for _, c := range []struct {
		state routes.State
		cause routes.Cause
		grace bool
	}{{routes.Failed, routes.KernelRejected, false}, {routes.Waiting, routes.KeyHeld, true}, {routes.Waiting, routes.NoNodeNIC, false}} {
		t.Run(string(c.cause), func(t *testing.T) {
			timing := quick()
			if !c.grace {
				timing.Grace = time.Hour
			}
			r, a := start(t, timing)
			r.until("session", r.connected(a.id))
			a.do(func() { a.exceptions[key] = exception(key, c.state, c.cause) })
			begun := time.Now()
			w := r.wait(r.add(camera()), key)
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("the wait took %s", took)
			}
			if w.Reached || len(w.Waiting) != 0 || len(w.Late) != 1 || w.Late[0].State != c.state || w.Late[0].Cause != c.cause {
				t.Errorf("%+v", w)
			}
			if st := r.status(camera()); st.State != c.state || st.Detail != "said by the test" {
				t.Errorf("%+v", st)
			}
			// Others' troubles are of no interest.
			other := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
			if w := r.wait(r.add(other), other.Key()); !w.Reached {
				t.Errorf("another route: %+v", w)
			}
		})
	}
}

// TestAPortWithoutComputeIsNobodysDelay: the agents say that the route waits
// for a NIC, and the inventory says that there is none to be.
func TestAPortWithoutComputeIsNobodysDelay(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	n := nodeAt(a.id, endpoint)
	n.NICs = nil
	r := newRig(t, quick(), n)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	key := camera().Key()
	a.do(func() { a.exceptions[key] = exception(key, routes.Waiting, routes.NoNodeNIC) })
	rev := r.add(camera())
	for _, a := range []fleet.Awaited{{Revision: rev, Keys: []routes.Key{key}}, {Revision: rev}} {
		if w := r.await(a); !w.Reached || len(w.Late) != 0 || len(w.Waiting) != 1 || w.Waiting[0].Cause != routes.NoNodeNIC {
			t.Errorf("%+v", w)
		}
	}
}

// TestANodeWithoutTheNICDelaysNobody, be it as silent as it likes: what get says
// of the route there does not depend on its agent, and a wait says the same.
func TestANodeWithoutTheNICDelaysNobody(t *testing.T) {
	a := newFakeAgent("k8s-worker")
	endpoint, stop := a.listen(t, t.TempDir())
	n := nodeAt(a.id, endpoint)
	n.NICs = nil
	timing := quick()
	timing.ReportEvery, timing.Answer = 20*time.Millisecond, time.Hour
	r := newRig(t, timing, n)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	a.inject(faultSilent)
	a.inject(faultSilent)
	rev := r.add(camera())
	r.until("silence", func() bool { return strings.Contains(r.node(a.id).Problem, "has not reported for") })
	if st := r.status(camera()); st.Cause != routes.NoNodeNIC {
		t.Errorf("get: %+v", st)
	}
	if w := r.glance(fleet.Awaited{Revision: rev, Keys: []routes.Key{camera().Key()}}); !w.Reached || len(w.Late) != 0 || len(w.Waiting) != 1 || w.Waiting[0].Cause != routes.NoNodeNIC {
		t.Errorf("add: %+v", w)
	}
	// What else is stored may be for NICs that it has.
	if w := r.glance(fleet.Awaited{Revision: rev}); w.Reached || len(w.Late) != 1 || w.Late[0].Cause != routes.Stale {
		t.Errorf("all: %+v", w)
	}
	// A removal has to be proved by it as by any known node.
	rev = r.remove(camera())
	if w := r.glance(fleet.Awaited{Revision: rev, Gone: []routes.Key{camera().Key()}}); w.Reached || len(w.Late) != 1 || w.Late[0].State != routes.Removing {
		t.Errorf("the removal: %+v", w)
	}
	poll(t, "its silence on both changes", func() (silent bool) {
		a.do(func() { silent = a.consumed[faultSilent] == 2 })
		return silent
	})
}

// TestAFailureLeavesTheOthersTime: a node that is about to answer is not called
// late because another one failed; one that does not answer holds nobody up.
func TestAFailureLeavesTheOthersTime(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	late := nodeAt("k8s-worker", "unix:///nonexistent/agent.sock")
	late.State = hostvm.NodeRunning
	timing := quick()
	r := newRig(t, timing, nodeAt(a.id, endpoint), late)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	key := camera().Key()
	a.do(func() { a.exceptions[key] = exception(key, routes.Failed, routes.KernelRejected) })
	begun := time.Now()
	w := r.wait(r.add(camera()), key)
	if took := time.Since(begun); took < timing.Grace || took > patience/2 {
		t.Errorf("the wait took %s, with %s of grace", took, timing.Grace)
	}
	if w.Reached || len(w.Late) != 2 {
		t.Errorf("%+v", w)
	}
}
