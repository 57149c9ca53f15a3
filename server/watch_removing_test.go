package server_test

import (
	"fmt"
	"testing"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

const removalNode = "k8s-master"

// removals is a service with one known node, whose kernel shows removed routes
// as the test says.
func removals(t *testing.T, o rigOptions) *rig {
	r := start(t, o)
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: removalNode, Name: removalNode}))
	r.shows(routes.Removing)
	return r
}

// shows sets what the node shows of removed routes; nothing where it has shown
// them gone.
func (r *rig) shows(removed routes.State) {
	r.fleet.set(func() {
		r.fleet.status = func(rec routes.Record) []routes.NodeStatus {
			switch {
			case !rec.Removed:
				return []routes.NodeStatus{{Node: removalNode, State: routes.Programmed, Revision: rec.Revision}}
			case removed == "":
				return nil
			}
			return []routes.NodeStatus{{Node: removalNode, State: removed, Cause: routes.InProgress}}
		}
	})
}

func (r *rig) remove(t *testing.T, p *pb.Route) {
	t.Helper()
	_, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector(p.Interface, p.Destination, p.NextHop)})
	must(t, err)
}

func (r *rig) prove(t *testing.T) {
	t.Helper()
	must(t, r.store.Prove(t.Context(), removalNode, r.store.Info().Version.Revision, nil))
}

// wantAt is want with the state of the route.
func (w watcher) wantAt(kind pb.WatchRoutesResponse_Kind, destination string, at pb.State) {
	w.t.Helper()
	if msg := w.want(kind, destination); msg.Route.State != at || at == pb.State_STATE_REMOVED && len(msg.Route.Nodes) > 0 {
		w.t.Fatalf("event %v, want the state %v", msg, at)
	}
}

const (
	removing = pb.State_STATE_REMOVING
	removed  = pb.State_STATE_REMOVED
)

// A watch that has sent a removal sends its end, once, also where the store
// has nothing of the route by the time that the watch asks.
func TestAWatchTellsTheEndOfARemoval(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	other := route("Port3", "10.2.0.0/16", "192.168.20.1", 100)
	for name, end := range map[string]func(*testing.T, *rig){
		"a proof": func(t *testing.T, r *rig) { r.prove(t) },
		"a proof, and a report of the node": func(t *testing.T, r *rig) {
			r.prove(t)
			r.fleet.reported(key(t, p))
		},
		"a node that is forgotten": func(t *testing.T, r *rig) {
			_, err := r.inv.ForgetNode(t.Context(), &pb.ForgetNodeRequest{Node: removalNode})
			must(t, err)
			r.fleet.reported(key(t, p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := removals(t, rigOptions{})
			r.add(t, p)
			r.add(t, other)
			w := r.watch(t, &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{Interfaces: []string{"port3"}}})
			w.want(current, p.Destination)
			w.want(current, other.Destination)
			w.want(inSync, "")
			r.remove(t, p)
			w.wantAt(gone, p.Destination, removing)
			end(t, r)
			w.wantAt(state, p.Destination, removed)
			r.fleet.reported(key(t, p), key(t, other))
			w.want(state, other.Destination)
		})
	}
}

// What the nodes have shown is not the end before the store has it: they may
// have to show it again.
func TestAWatchTellsNoEndThatIsNotStored(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	other := route("Port3", "10.2.0.0/16", "192.168.20.1", 100)
	r := removals(t, rigOptions{})
	r.add(t, p)
	r.add(t, other)
	w := r.watch(t, &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{Destinations: []string{p.Destination, other.Destination}}})
	w.want(current, p.Destination)
	w.want(current, other.Destination)
	w.want(inSync, "")
	r.shows("")
	r.remove(t, p)
	w.wantAt(gone, p.Destination, removing)
	r.fleet.reported(key(t, p), key(t, other))
	w.want(state, other.Destination)
	r.prove(t)
	w.wantAt(state, p.Destination, removed)
}

// A route that is back has no end of its removal; one that nobody has to prove
// has it at once.
func TestAWatchTellsNoEndOfARouteThatIsBack(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	r := removals(t, rigOptions{})
	w := r.watch(t, &pb.WatchRoutesRequest{})
	w.want(inSync, "")
	r.add(t, p)
	w.want(addedEv, p.Destination)
	r.remove(t, p)
	w.wantAt(gone, p.Destination, removing)
	r.add(t, p)
	w.want(addedEv, p.Destination)
	r.prove(t)
	r.fleet.reported(key(t, p))
	w.wantAt(state, p.Destination, pb.State_STATE_PROGRAMMED)
	must(t, r.store.Forget(t.Context(), removalNode, store.Caller{}))
	r.remove(t, p)
	w.wantAt(gone, p.Destination, removed) // although the fleet has yet to forget the node
}

// However a watch begins, it sends the end of what was being removed by then,
// and of what has ended since the revision that it begins after.
func TestAWatchThatBeginsTellsTheEndOfRemovals(t *testing.T) {
	ended := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	p := route("Port3", "10.2.0.0/16", "192.168.20.1", 100)
	r := removals(t, rigOptions{bolt: boltstore.Options{EventChanges: 4}})
	r.add(t, p)
	r.add(t, ended)
	after := uint64(r.store.Info().Version.Revision)
	r.remove(t, ended)
	r.prove(t)
	r.remove(t, p)
	whole := r.watch(t, &pb.WatchRoutesRequest{})
	whole.want(inSync, "")
	replayed := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: after})
	replayed.wantAt(gone, ended.Destination, removing)
	replayed.wantAt(state, ended.Destination, removed)
	replayed.wantAt(gone, p.Destination, removing)
	last := uint64(r.store.Info().Version.Revision)
	resumed := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: last})
	lost := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: last + 1})
	lost.want(reset, "")
	lost.want(inSync, "")
	programmed := r.watch(t, &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{States: []pb.State{pb.State_STATE_PROGRAMMED}}})
	programmed.want(inSync, "")
	elsewhere := r.watch(t, &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{Interfaces: []string{"Port*"}, NextHops: []string{"192.168.20.9"}}})
	elsewhere.want(inSync, "")
	changes := r.watch(t, &pb.WatchRoutesRequest{ChangesOnly: true})
	changes.want(inSync, "")
	all := []watcher{whole, replayed, resumed, lost, programmed, elsewhere, changes}
	added := func(destination string) {
		t.Helper()
		r.add(t, route("Port3", destination, "192.168.20.9", 100))
		for _, w := range all {
			w.want(addedEv, destination)
		}
	}
	added("10.3.0.0/16") // all have begun
	r.prove(t)
	for _, w := range []watcher{whole, replayed, resumed, lost} {
		w.wantAt(state, p.Destination, removed)
	}
	added("10.4.0.0/16") // and nothing else was sent
}

// A watch that is resumed gets the ends that came while nobody watched;
// one that may have missed some begins again.
func TestAResumedWatchMissesNoEnd(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	kept := route("Port3", "10.2.0.0/16", "192.168.20.1", 100)
	r := removals(t, rigOptions{bolt: boltstore.Options{EventChanges: 3}})
	r.add(t, kept)
	r.add(t, p)
	r.remove(t, p)
	last := uint64(r.store.Info().Version.Revision)
	r.prove(t)
	resumed := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: last})
	resumed.wantAt(state, p.Destination, removed)
	// The removal and its proof are dropped one after the other.
	for i, destination := range []string{"10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16"} {
		r.add(t, route("Port3", destination, "192.168.20.1", 100))
		w := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: last})
		if i < 2 { // the removal is no loss: the watch has sent it
			w.wantAt(state, p.Destination, removed)
			w.want(addedEv, "10.3.0.0/16")
			continue
		}
		w.want(reset, "")
		w.want(current, kept.Destination)
	}
}

// The end of a removal while the routes are read is not sent for a route that
// came back before it was read.
func TestAWatchTellsNoEndOfARouteThatCameBackMeanwhile(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	j := &joined{}
	r := removals(t, rigOptions{wrap: func(s store.Store) store.Store { j.Store = s; return j }})
	r.add(t, p)
	r.remove(t, p)
	j.before = func() {
		r.prove(t)
		r.add(t, p)
	}
	w := r.watch(t, &pb.WatchRoutesRequest{})
	w.wantAt(current, p.Destination, pb.State_STATE_PROGRAMMED)
	w.want(inSync, "")
	r.remove(t, p)
	w.wantAt(gone, p.Destination, removing)
	r.prove(t)
	w.wantAt(state, p.Destination, removed)
}

// A watch sleeps over nothing that is stored while it reads, be it a change or a
// proof.
func TestAWatchIsWokenByWhatCameWhileItRead(t *testing.T) {
	p := route("Port3", "10.1.0.0/16", "192.168.20.1", 100)
	j := &joined{}
	r := removals(t, rigOptions{wrap: func(s store.Store) store.Store { j.Store = s; return j }})
	r.add(t, p)
	j.meanwhile = []func(){func() { r.remove(t, p) }, func() { r.prove(t) }}
	w := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: uint64(r.store.Info().Version.Revision)})
	w.wantAt(gone, p.Destination, removing)
	w.wantAt(state, p.Destination, removed)
}

// A batch of removals ends as one, each of them once.
func TestAWatchTellsTheEndOfABatch(t *testing.T) {
	const n = 2000
	r := removals(t, rigOptions{})
	batch, selectors := &pb.BatchAddRoutesRequest{}, []*pb.RouteSelector{}
	for i := range n {
		p := route("Port3", fmt.Sprintf("10.%d.%d.0/24", 100+i/250, i%250), "192.168.20.1", 100)
		batch.Routes = append(batch.Routes, p)
		selectors = append(selectors, selector(p.Interface, p.Destination, p.NextHop))
	}
	_, err := r.routes.BatchAddRoutes(t.Context(), batch)
	must(t, err)
	w := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: uint64(r.store.Info().Version.Revision)})
	_, err = r.routes.BatchRemoveRoutes(t.Context(), &pb.BatchRemoveRoutesRequest{Selectors: selectors})
	must(t, err)
	w.wantAt(gone, selectors[0].Destination, removing)
	r.prove(t) // the watch may be anywhere in the batch
	ends := map[string]int{}
	for len(ends) < n {
		msg, err := w.stream.Recv()
		must(t, err)
		switch {
		case msg.Route.State == removed:
			ends[msg.Route.Destination]++
		case msg.Kind != gone:
			t.Fatalf("event %v", msg)
		}
	}
	p := r.add(t, route("Port3", "10.1.0.0/16", "192.168.20.1", 100)).Route
	w.want(addedEv, p.Destination)
	for d, times := range ends {
		if times != 1 {
			t.Errorf("the end of %s is sent %d times", d, times)
		}
	}
}
