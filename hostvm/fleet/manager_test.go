package fleet_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// camera is the vendor's example.
func camera() routes.Route { return mustRoute("10.20.0.0/16", "192.168.20.1", 256) }

func start(t *testing.T, timing fleet.Timing, faults ...fault) (*rig, *fakeAgent) {
	t.Helper()
	a := newFakeAgent("k8s-master")
	for _, f := range faults {
		a.inject(f)
	}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, timing, nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	return r, a
}

func TestChangesAreProgrammedByDelta(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	rev := r.add(camera())
	if w := r.wait(rev, camera().Key()); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	if st := r.status(camera()); st.State != routes.Programmed || st.Revision != rev || st.Time.IsZero() {
		t.Errorf("status %+v", st)
	}
	if s, d := a.count(&a.snapshots), a.count(&a.deltas); s != 1 || d != 1 {
		t.Errorf("%d snapshots and %d deltas, want the empty set and one delta", s, d)
	}
	a.do(func() {
		if len(a.set) != 1 || a.ports[1].Mac != "02:00:00:00:20:11" {
			t.Errorf("the agent holds %v, port %v", a.set, a.ports[1])
		}
	})
	rev = r.remove(camera())
	if w := r.wait(rev, camera().Key()); !w.Reached {
		t.Fatalf("Wait for the removal: %+v", w)
	}
	if s, d := a.count(&a.snapshots), a.count(&a.deltas); s != 1 || d != 2 {
		t.Errorf("%d snapshots and %d deltas, want one more delta", s, d)
	}
	r.untilRemoving(0)
}

// TestLastSeenOfALostNIC: an agent without a session cannot know that the node
// lost the port's NIC.
func TestLastSeenOfALostNIC(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	stop()
	r.until("lost session", func() bool { return r.status(camera()).Cause == routes.AgentUnreachable })
	r.setNICs()
	r.until("no NIC", func() bool { return r.status(camera()).Cause == routes.NoNodeNIC })
	if st := r.status(camera()); st.State != routes.Waiting || !strings.Contains(st.Detail, "programmed when last seen at ") {
		t.Errorf("%+v", st)
	}
}

func TestReconnectSendsNothingWhenNothingChanged(t *testing.T) {
	a := newFakeAgent("k8s-master")
	dir := t.TempDir()
	endpoint, stop := a.listen(t, dir)
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	stop()
	r.until("lost session", func() bool { return r.status(camera()).Cause == routes.AgentUnreachable })
	if st := r.status(camera()); st.State != routes.Waiting || !strings.Contains(st.Detail, "programmed when last seen at ") {
		t.Errorf("status without session: %+v", st)
	}
	snapshots, deltas := a.count(&a.snapshots), a.count(&a.deltas)
	_, stop = a.listen(t, dir)
	r.until("programmed again", func() bool { return r.status(camera()).State == routes.Programmed })
	if a.count(&a.snapshots) != snapshots || a.count(&a.deltas) != deltas {
		t.Error("an agent that holds the set was sent something")
	}
	// Behind, but by a delta only.
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	rev := r.add(mustRoute("10.30.0.0/16", "192.168.20.1", 256), camera())
	_, stop = a.listen(t, dir)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	if w := r.wait(rev); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	if a.count(&a.snapshots) != snapshots || a.count(&a.deltas) != deltas+1 {
		t.Errorf("%d snapshots, %d deltas; want one more delta than %d", a.count(&a.snapshots), a.count(&a.deltas), deltas)
	}
}

func TestForkedHistoryGetsSnapshot(t *testing.T) {
	a := newFakeAgent("k8s-master")
	dir := t.TempDir()
	endpoint, stop := a.listen(t, dir)
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	a.do(func() { // the right revision, another content
		other := mustRoute("10.99.0.0/16", "192.168.20.1", 1)
		a.set = map[routes.Key]routes.Route{other.Key(): other}
		a.held.Digest = routes.Digest{}.Add(other)
	})
	rev := r.add(mustRoute("10.30.0.0/16", "192.168.20.1", 256))
	_, stop = a.listen(t, dir)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	if w := r.wait(rev); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	a.do(func() {
		if len(a.set) != 2 || a.snapshots != 2 {
			t.Errorf("%d snapshots, set %v", a.snapshots, a.set)
		}
	})
}

func TestOtherStoreNeedsAdoption(t *testing.T) {
	a := newFakeAgent("k8s-master")
	a.held = routes.Version{StoreID: "another", Epoch: 1, Revision: 7}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	r.until("refusal", func() bool { return strings.Contains(r.node(a.id).Problem, "another store") })
	if a.count(&a.snapshots) != 0 {
		t.Error("a set was pushed to a node of another store")
	}
	if err := r.Adopt(context.Background(), "k8s-master"); err != nil {
		t.Fatal(err)
	}
	r.until("adopted", r.connected(a.id))
	if err := r.Adopt(context.Background(), "nobody"); routes.ReasonOf(err) != routes.NotFound {
		t.Errorf("Adopt of an unknown node: %v", err)
	}
}

func TestFaultsAreSurvived(t *testing.T) {
	for _, f := range []fault{
		faultHangHello, faultWrongID, faultRefuse, faultNoHello, faultDropSnapshot, faultWrongDigest,
		faultBadState, faultBadKey, faultPartial, faultSilent, faultNoRead, faultResync,
	} {
		t.Run(string(f), func(t *testing.T) {
			r, a := start(t, impatient(), f)
			r.until("session", r.connected(a.id))
			for _, route := range []routes.Route{camera(), mustRoute("10.30.0.0/16", "192.168.20.1", 256)} {
				r.add(route)
				r.until("programmed", func() bool { return r.status(route).State == routes.Programmed })
			}
			a.do(func() {
				if a.consumed[f] != 1 {
					t.Errorf("the fault was consumed %d times", a.consumed[f])
				}
				if len(a.set) != 2 {
					t.Errorf("the agent holds %v", a.set)
				}
				if f == faultPartial && a.snapshots < 2 {
					t.Error("a first report that was not full was believed")
				}
			})
		})
	}
}

// A refused session names the reason; the agent that always answers with the
// wrong digest never counts as programmed.
func TestWrongDigestNeverCounts(t *testing.T) {
	a := newFakeAgent("k8s-master")
	for range 1000 {
		a.inject(faultWrongDigest)
	}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	r.add(camera())
	r.until("problem", func() bool { return strings.Contains(r.node(a.id).Problem, "did not take the whole set") })
	if st := r.status(camera()); st.State != routes.Waiting {
		t.Errorf("status %+v", st)
	}
}

func TestSlowNodeDelaysNobody(t *testing.T) {
	slow, fast := newFakeAgent("slow"), newFakeAgent("fast")
	slow.inject(faultNoRead)
	dir := t.TempDir()
	slowEnd, stopSlow := slow.listen(t, dir)
	fastEnd, stopFast := fast.listen(t, dir)
	timing := quick()
	timing.Answer = time.Hour // a busy machine must not give the slow node another session
	r := newRig(t, timing)
	t.Cleanup(stopSlow)
	t.Cleanup(stopFast)
	// More than any flow control window, so that sending to the slow node blocks.
	var list []routes.Route
	for i := range 60000 {
		list = append(list, mustRoute(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32).String(), "192.168.20.1", 256))
	}
	for len(list) > 0 {
		r.add(list[:10000]...)
		list = list[10000:]
	}
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt("slow", slowEnd), nodeAt("fast", fastEnd)}})
	r.until("the fast node's set", func() bool { return r.node("fast").Programmed == 60000 })
	r.until("the slow node's session", func() bool { return r.node("slow").Connected })
	for i := range 20 {
		rev := r.add(mustRoute("172.16.0.0/16", "192.168.20.1", uint32(i+1)))
		r.until("the fast node", func() bool { return r.node("fast").Revision >= rev })
	}
	if slow.count(&slow.snapshots) != 0 || slow.consumed[faultNoRead] != 1 {
		t.Error("the slow node was not slow")
	}
}

func TestExceptionsComeAndGo(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	rev := r.add(camera())
	r.wait(rev)
	_, _, pos, _ := r.StatusChanges(0)
	var version *pb.Version
	a.do(func() { version = wireVersion(a.held) })
	key := camera().Key()
	a.push <- &pb.Report{Version: version, Exceptions: []*pb.Exception{exception(key, routes.Waiting, routes.LinkDown)}}
	r.until("exception", func() bool { return r.status(camera()).Cause == routes.LinkDown })
	keys, all, pos, _ := r.StatusChanges(pos)
	if all || len(keys) != 1 || keys[0] != key {
		t.Errorf("changes %v, all %v", keys, all)
	}
	if n := r.node(a.id); n.Waiting != 1 || n.Programmed != 0 {
		t.Errorf("%+v", n)
	}
	a.push <- &pb.Report{Version: version, Resolved: []*pb.RouteKey{wireKey(key)}}
	r.until("resolved", func() bool { return r.status(camera()).State == routes.Programmed })
	if keys, all, _, _ := r.StatusChanges(pos); all || len(keys) != 1 {
		t.Errorf("changes %v, all %v", keys, all)
	}
}

func TestRemovalWaitsForKnownNodes(t *testing.T) {
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	rev := r.add(camera())
	r.wait(rev)
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	if n := r.node(a.id); n.Programmed != 0 || n.Waiting != 1 || n.Revision != rev {
		t.Errorf("other counts than the statuses of the routes: %+v", n)
	}
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}})
	r.until("gone", func() bool { return r.node(a.id).Gone })
	r.remove(camera())
	if st := r.status(camera()); st.State != routes.Removing || st.Cause != routes.AgentUnreachable {
		t.Errorf("%+v", st)
	}
	// The same in a restarted service, which knows the node from the store only.
	r.stop()
	r.run(quick())
	r.until("known", func() bool { return r.node(a.id).Known })
	if st := r.status(camera()); st.State != routes.Removing {
		t.Errorf("after a restart: %+v", st)
	}
	if err := r.store.Forget(context.Background(), a.id, store.Caller{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.Forgotten(t.Context(), a.id)
	if nodes := r.Nodes(); len(nodes) != 0 {
		t.Errorf("nodes after forgetting: %+v", nodes)
	}
}

func TestPortsFollowTheInventory(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	snap := *r.Inventory()
	node := snap.Nodes[0]
	node.NICs = nil
	snap.Nodes = []hostvm.Node{node}
	r.inventory.Set(&snap)
	r.until("no NIC", func() bool { return r.status(camera()).Cause == routes.NoNodeNIC })
	poll(t, "the ports message", func() bool { return a.count(&a.portMsgs) > 0 })
	a.do(func() {
		if a.ports[1].Mac != "" {
			t.Errorf("%v", a.ports)
		}
	})
}

// TestANodeByNameOrID: in any case, and one that is not there with the names of
// those that are.
func TestANodeByNameOrID(t *testing.T) {
	r := newRig(t, quick(), nodeAt("Worker", "unix:///nowhere/w"), nodeAt("dead", "unix:///nowhere/a"))
	for _, given := range []string{"worker", "WORKER", "Dead"} {
		if paths, err := r.Explain(t.Context(), netip.MustParseAddr("10.20.1.1"), []string{given}); err != nil || len(paths) != 1 || !strings.EqualFold(paths[0].Node, given) {
			t.Errorf("%s: %v %v", given, paths, err)
		}
		if err := r.Adopt(t.Context(), given); err != nil {
			t.Errorf("%s: %v", given, err)
		}
	}
	for name, err := range map[string]error{
		"Adopt": r.Adopt(t.Context(), "nobody"),
		"Explain": func() error {
			_, err := r.Explain(t.Context(), netip.MustParseAddr("10.20.1.1"), []string{"dead", "nobody"})
			return err
		}(),
	} {
		if e := routes.AsError(err, routes.Unavailable); e.Reason != routes.NotFound || e.Params["nodes"] != "Worker, dead" {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
}

func TestFactsAndExplain(t *testing.T) {
	a := newFakeAgent("k8s-master")
	a.nics = []*pb.Nic{{Mac: "02:00:00:00:20:11", Link: "eth1", Addressing: "static", Addresses: []string{"192.168.20.11/24"}, Connected: []*pb.Connected{{Prefix: "192.168.20.0/24", Metric: 100}}}}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint), nodeAt("dead", "unix:///nowhere/a"))
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	f := r.Facts("PORT3")
	if !f.Known || !f.Found || len(f.Ports) != 1 || len(f.NICs) != 2 {
		t.Fatalf("%+v", f)
	}
	if nic := f.NICs[1]; nic.Node != a.id || nic.Addressing != routes.AddressingStatic || len(nic.Connected) != 1 || nic.Connected[0].Metric != 100 {
		t.Errorf("%+v", f.NICs)
	}
	if len(f.Protected) != 1 || f.Protected[0].Kind != routes.ProtectedNode {
		t.Errorf("%+v", f.Protected)
	}
	if f := r.Facts("Port9"); !f.Known || f.Found {
		t.Errorf("%+v", f)
	}
	paths, err := r.Explain(context.Background(), netip.MustParseAddr("10.20.1.1"), nil)
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	if p := paths[1]; p.Interface != "Port3" || !p.Ours || p.NextHop != "192.168.20.1" {
		t.Errorf("%+v", p)
	}
	if paths[0].Problem == "" {
		t.Errorf("%+v", paths[0])
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	paths, err = r.Explain(ctx, netip.MustParseAddr("10.20.1.1"), []string{a.id})
	if err != nil || len(paths) != 1 || paths[0].Problem != "the agent did not answer in time" {
		t.Error(paths, err)
	}
}

// A removal that the kernel refused is not proved until the agent says so.
func TestFailedRemovalIsNotProved(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	key := camera().Key()
	a.do(func() { a.exceptions[key] = exception(key, routes.Removing, routes.KernelRejected) })
	rev := r.remove(camera())
	if w := r.wait(rev, key); w.Reached || len(w.Late) != 1 || w.Late[0].State != routes.Removing {
		t.Errorf("Wait: %+v", w)
	}
	// Another removal is proved; then the prover has been past the first one.
	other := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.wait(r.add(other), other.Key())
	r.wait(r.remove(other), other.Key())
	r.untilRemoving(1)
	if st := r.status(camera()); st.State != routes.Removing || st.Cause != routes.KernelRejected {
		t.Errorf("%+v", st)
	}
	var version *pb.Version
	a.do(func() { delete(a.exceptions, key); version = wireVersion(a.held) })
	a.push <- &pb.Report{Version: version, Resolved: []*pb.RouteKey{wireKey(key)}}
	r.untilRemoving(0)
}

func TestInventoryDrivesTheSession(t *testing.T) {
	timing := quick()
	timing.RetryMin, timing.RetryMax, timing.RetryMaxAuto = time.Hour, time.Hour, time.Hour
	a := newFakeAgent("k8s-master")
	dir := t.TempDir()
	n := nodeAt(a.id, "unix://"+dir+"/k8s-master.sock")
	r := newRig(t, timing, n)
	set := func(state hostvm.NodeState, nics []hostvm.NIC) {
		n.State, n.NICs = state, nics
		r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{n}})
	}
	r.until("no agent", func() bool { return strings.Contains(r.node(a.id).Problem, "no such file") })
	_, stop := a.listen(t, dir)
	t.Cleanup(stop)
	set(hostvm.NodeRunning, n.NICs) // the pause of an hour ends
	r.until("session", r.connected(a.id))
	r.add(camera())
	r.until("programmed", func() bool { return r.status(camera()).State == routes.Programmed })
	set(hostvm.NodeStopped, n.NICs)
	r.until("stopped", func() bool { return !r.node(a.id).Connected && r.status(camera()).Cause == routes.NodeStopped })
	set(hostvm.NodeAuto, n.NICs)
	r.until("session again", r.connected(a.id))
}

// An agent that says nothing, although nothing is to be sent, is found too.
func TestSilenceEndsTheSession(t *testing.T) {
	a := newFakeAgent("k8s-master")
	dir := t.TempDir()
	endpoint, stop := a.listen(t, dir)
	timing := impatient()
	const seen = 2 * time.Second // the next session would take the problem away
	timing.RetryMin, timing.RetryMax, timing.RetryMaxAuto = seen, seen, seen
	r := newRig(t, timing, nodeAt(a.id, endpoint))
	r.until("session", r.connected(a.id))
	stop()
	r.until("lost session", func() bool { return !r.node(a.id).Connected })
	a.inject(faultSilent)
	_, stop = a.listen(t, dir)
	t.Cleanup(stop)
	r.until("its end", func() bool { return strings.Contains(r.node(a.id).Problem, "neither takes nor reports") })
	r.until("session again", r.connected(a.id))
	if a.consumed[faultSilent] != 1 {
		t.Error("the agent was not silent")
	}
}
