package fleet_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// setNICs gives the node NICs on the switches of Port3 and Port4.
func (r *rig) setNICs(nics ...hostvm.NIC) {
	snap := *r.Inventory()
	node := snap.Nodes[0]
	node.NICs = nics
	port4 := port3()
	port4.Alias, port4.Switch = "Port4", "vswitch-Port4"
	snap.Ports, snap.Nodes = []routes.Port{port3(), port4}, []hostvm.Node{node}
	r.inventory.Set(&snap)
}

// poll waits for what changes no status.
func poll(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit := time.After(patience)
	for !cond() {
		select {
		case <-limit:
			t.Fatalf("not within %s: %s", patience, what)
		case <-time.After(time.Millisecond):
		}
	}
}

func (r *rig) inProgress(what string, route routes.Route) {
	r.Helper()
	if st := r.status(route); st.State != routes.Waiting || st.Cause != routes.InProgress {
		r.Errorf("%s: %+v", what, st)
	}
}

func (r *rig) programmed(route routes.Route) func() bool {
	return func() bool { return r.status(route).State == routes.Programmed }
}

// What the agent reported before it knows of a port's new NIC is not true of
// that NIC; the other ports' routes are not concerned.
func TestStaleReportIsNotBelievedOfANewNIC(t *testing.T) {
	r, a := start(t, quick())
	onPort3 := hostvm.NIC{MAC: "02:00:00:00:20:11", Switch: "vswitch-Port3"}
	onPort4 := hostvm.NIC{MAC: "02:00:00:00:40:11", Switch: "vswitch-Port4"}
	other, err := routes.New(routes.Fields{
		Interface: "Port4", Destination: netip.MustParsePrefix("10.40.0.0/16"), NextHop: netip.MustParseAddr("192.168.40.1"), Metric: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.setNICs(onPort3, onPort4)
	rev := r.add(camera(), other)
	r.until("both", func() bool { return r.programmed(camera())() && r.programmed(other)() })
	var before uint64
	a.do(func() { a.holdPorts, before = true, a.sequence })
	hears := func(what string, sequence uint64) {
		t.Helper()
		poll(t, what, func() (heard bool) {
			a.do(func() { heard = a.sequence == sequence })
			return heard
		})
	}
	r.setNICs(onPort4)
	hears("that the NIC is gone", before+1)
	r.inProgress("before the agent has taken the routes out", camera())
	r.setNICs(onPort3, onPort4)
	hears("that the NIC is back", before+2)
	r.inProgress("before the agent has put the routes back", camera())
	var version *pb.Version
	a.do(func() { version = wireVersion(a.held) })
	for i, stale := range []*pb.Report{
		{Version: version},
		{Version: version, Full: true, PortsSequence: before},
		{Version: version, Full: true, PortsSequence: before + 1}, // of the port without NIC
	} {
		stale.Alarm = fmt.Sprint("stale report ", i)
		a.push <- stale
		poll(t, stale.Alarm, func() bool { return r.node(a.id).Problem == stale.Alarm })
		r.inProgress("after a stale report", camera())
	}
	if st := r.status(other); st.State != routes.Programmed {
		t.Errorf("the other port's route: %+v", st)
	}
	for _, c := range []struct {
		interest []routes.Key
		reached  bool
	}{{[]routes.Key{other.Key()}, true}, {[]routes.Key{camera().Key()}, false}, {nil, false}} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if w := r.Wait(ctx, fleet.Awaited{Revision: rev, Keys: c.interest}); w.Reached != c.reached {
			t.Errorf("Wait for %v: %+v", c.interest, w)
		}
		cancel()
	}
	a.push <- &pb.Report{Version: version, Full: true, PortsSequence: before + 2}
	r.until("the answer", r.programmed(camera()))
}

// A new session begins with what the agent programmed for the NICs of the old one.
func TestFirstReportMayNotAnswerTheHello(t *testing.T) {
	a := newFakeAgent("k8s-master")
	dir := t.TempDir()
	endpoint, stop := a.listen(t, dir)
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	r.add(camera())
	r.until("programmed", r.programmed(camera()))
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	a.do(func() { a.holdPorts = true })
	_, stop = a.listen(t, dir)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	r.inProgress("a first report that does not answer", camera())
	a.do(func() { a.holdPorts, a.answered = false, a.sequence })
	r.add(mustRoute("10.30.0.0/16", "192.168.20.1", 256))
	r.until("programmed", r.programmed(camera()))
}

// TestLostNICBeforeTheStart: the node lost the NIC while no service ran, and the
// agent has yet to hear of it.
func TestLostNICBeforeTheStart(t *testing.T) {
	r, a := start(t, quick())
	rev := r.add(camera())
	r.until("programmed", r.programmed(camera()))
	r.stop()
	r.setNICs()
	a.do(func() { a.holdPorts, a.answered = true, 0 })
	r.run(quick())
	r.until("a report", func() bool { return !r.status(camera()).Reported.IsZero() })
	r.inProgress("before the agent has taken the routes out", camera())
	awaited := fleet.Awaited{Revision: rev, Keys: []routes.Key{camera().Key()}}
	if w := r.glance(awaited); w.Reached {
		t.Errorf("a wait says %+v", w)
	}
	a.do(func() {
		a.holdPorts, a.answered = false, a.sequence
		a.exceptions[camera().Key()] = exception(camera().Key(), routes.Waiting, routes.NoNodeNIC)
	})
	r.add(mustRoute("10.30.0.0/16", "192.168.20.1", 256))
	r.until("no NIC", func() bool { return r.status(camera()).Cause == routes.NoNodeNIC })
	if w := r.await(awaited); !w.Reached {
		t.Errorf("a wait says %+v", w)
	}
}

// TestLostNICWhoseRouteStays: a route that the kernel does not let go counts for
// more than the missing NIC.
func TestLostNICWhoseRouteStays(t *testing.T) {
	r, a := start(t, quick())
	r.add(camera())
	r.until("programmed", r.programmed(camera()))
	a.do(func() {
		a.exceptions[camera().Key()] = exception(camera().Key(), routes.Removing, routes.KernelRejected)
	})
	r.setNICs()
	poll(t, "the answer", func() bool { return a.count(&a.portMsgs) > 0 })
	r.until("the refusal", func() bool {
		st := r.status(camera())
		return st.State == routes.Removing && st.Cause == routes.KernelRejected
	})
}

// Nothing but a NIC's change makes a route wait for an answer.
func TestOtherChangesNeedNoAnswer(t *testing.T) {
	r, a := start(t, quick())
	r.add(camera())
	r.until("programmed", r.programmed(camera()))
	a.do(func() { a.holdPorts = true })
	snap := *r.Inventory()
	snap.Nodes = []hostvm.Node{snap.Nodes[0]}
	snap.Nodes[0].Role = "master"
	r.inventory.Set(&snap)
	r.until("the role", func() bool { return r.node(a.id).Role == "master" })
	if st := r.status(camera()); st.State != routes.Programmed {
		t.Errorf("%+v", st)
	}
	if n := a.count(&a.portMsgs); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestPortsWithoutAnswerEndTheSession(t *testing.T) {
	r, a := start(t, impatient())
	r.until("session", r.connected(a.id))
	a.do(func() { a.holdPorts = true })
	r.setNICs()
	r.until("its end", func() bool { return strings.Contains(r.node(a.id).Problem, "neither takes nor reports") })
	a.do(func() { a.holdPorts = false })
	r.until("session again", r.connected(a.id))
}

// A port that is gone on the host, if only for a moment, takes no NIC from the
// node; the NIC's own end does, and so does the end of its switch.
func TestAbsentPortTakesNothing(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	r.add(camera())
	r.until("programmed", r.programmed(camera()))
	snap := *r.Inventory()
	set := func(change func(*hostvm.Snapshot)) {
		now := snap
		change(&now)
		r.inventory.Set(&now)
	}
	stays := func(when string) {
		t.Helper()
		rev := r.add(mustRoute("10.30.0.0/16", "192.168.20.1", 256+uint32(r.store.Info().Version.Revision)))
		if w := r.wait(rev, camera().Key()); !w.Reached {
			t.Fatalf("%s: %+v", when, w)
		}
		if st := r.status(camera()); st.State != routes.Programmed {
			t.Errorf("%s: %+v", when, st)
		}
		a.do(func() {
			for _, p := range a.ports {
				if p.Interface == "Port3" && !p.Unknown && p.Mac == "" {
					t.Errorf("%s: the agent got %v", when, a.ports)
				}
			}
		})
	}
	set(func(s *hostvm.Snapshot) { s.Ports = nil })
	r.until("its absence", func() bool { return !r.Facts("Port3").Found })
	stays("absent")
	r.stop()
	r.run(quick())
	r.until("session", r.connected(a.id))
	stays("absent since the service started")
	r.stop()
	set(func(s *hostvm.Snapshot) { s.Ports, s.Problem = nil, "nothing is known" })
	r.run(quick())
	r.until("session", r.connected(a.id))
	stays("unknown since the service started")
	set(func(*hostvm.Snapshot) {})
	r.until("its return", func() bool { return r.Facts("Port3").Found })
	stays("back")
	gone := nodeAt(a.id, endpoint)
	gone.NICs = nil
	set(func(s *hostvm.Snapshot) { s.Ports, s.Nodes = nil, []hostvm.Node{gone} })
	r.until("the NIC's end", func() bool { return r.status(camera()).Cause == routes.NoNodeNIC })
}
