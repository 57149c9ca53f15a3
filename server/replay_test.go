package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const programmed = pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED

// keeping has a node that is known and keeps what is removed.
func keeping(t *testing.T) *rig {
	t.Helper()
	r := start(t, rigOptions{})
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	r.fleet.set(func() {
		r.fleet.status = func(rec routes.Record) []routes.NodeStatus {
			if rec.Removed {
				return []routes.NodeStatus{{Node: "k8s-master", State: routes.Removing, Cause: routes.InProgress}}
			}
			return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed, Revision: rec.Revision}}
		}
	})
	return r
}

// proves proves all removals.
func (r *rig) proves(t *testing.T) {
	t.Helper()
	must(t, r.store.Prove(t.Context(), "k8s-master", r.store.Info().Version.Revision, nil))
}

func (r *rig) removeAll(t *testing.T, destination string) {
	t.Helper()
	_, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector("Port3", destination, ""), All: true})
	must(t, err)
}

// TestAReplayTellsWhatIsNow: outcome and revision are those of the first
// answer, the route is as it is now, also where it was changed or removed since.
func TestAReplayTellsWhatIsNow(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	req := &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 100), RequestId: uuid.NewString(), Acknowledgement: programmed}
	first, err := r.routes.AddRoute(ctx, req)
	must(t, err)
	if first.GetReplayed() {
		t.Error("the first answer calls itself a replay")
	}
	again := func(name string, metric uint32, state pb.State) {
		t.Helper()
		resp, err := r.routes.AddRoute(ctx, req)
		must(t, err)
		if p := resp.GetRoute(); !resp.GetReplayed() || resp.GetOutcome() != pb.Outcome_OUTCOME_CREATED || resp.GetRevision() != 1 || p.GetMetric() != metric || p.GetState() != state {
			t.Errorf("%s: %v", name, resp)
		}
	}
	again("unchanged", 100, pb.State_STATE_PROGRAMMED)
	metric := uint32(50)
	_, err = r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", ""), Metric: &metric})
	must(t, err)
	again("changed", 50, pb.State_STATE_PROGRAMMED)
	r.removeAll(t, "192.168.21.0/24")
	again("being removed", 50, pb.State_STATE_REMOVING)
	r.proves(t)
	again("gone", 100, pb.State_STATE_REMOVED)
}

// TestAReplayedSetAndRemoval: so it is with the other calls for one route.
func TestAReplayedSetAndRemoval(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 100))
	set := &pb.SetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "192.168.20.1"), NewNextHop: "192.168.20.7", RequestId: uuid.NewString()}
	_, err := r.routes.SetRoute(ctx, set)
	must(t, err)
	setAgain, err := r.routes.SetRoute(ctx, set)
	must(t, err)
	if p := setAgain.GetRoute(); !setAgain.GetReplayed() || p.GetNextHop() != "192.168.20.7" || p.GetState() != pb.State_STATE_PROGRAMMED {
		t.Errorf("set: %v", setAgain)
	}
	remove := &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.21.0/24", ""), RequestId: uuid.NewString(), Acknowledgement: programmed}
	_, err = r.routes.RemoveRoute(ctx, remove)
	must(t, err)
	again := func(name string, state pb.State, metric uint32) {
		t.Helper()
		awaited := len(r.fleet.awaited)
		resp, err := r.routes.RemoveRoute(ctx, remove)
		must(t, err)
		if !resp.GetReplayed() || resp.GetOutcome() != pb.Outcome_OUTCOME_REMOVED || len(resp.GetRoutes()) != 1 || resp.GetRoutes()[0].GetState() != state || resp.GetRoutes()[0].GetMetric() != metric {
			t.Errorf("%s: %v", name, resp)
		}
		if waits := len(r.fleet.awaited) - awaited; waits != map[bool]int{true: 1}[state == pb.State_STATE_REMOVING] {
			t.Errorf("%s: %d waits", name, waits)
		}
	}
	again("being removed", pb.State_STATE_REMOVING, 100)
	r.proves(t)
	again("gone", pb.State_STATE_REMOVED, 100)
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.7", 9))
	again("there again", pb.State_STATE_PROGRAMMED, 9)
}

// TestAReplayedBatchHasItsStates: of each item, by what it asked for, whether
// the answer has routes or not.
func TestAReplayedBatchHasItsStates(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	list := []*pb.Route{
		route("Port3", "10.1.1.0/24", "192.168.20.1", 100), route("Port3", "10.1.2.5/24", "192.168.20.1", 100),
		route("Port3", "10.1.3.0/24", "192.168.20.1", 100), route("Port3", "10.1.4.0/24", "192.168.20.1", 100),
	}
	for _, withRoutes := range []bool{false, true} {
		r.fleet.set(func() { r.fleet.awaited = nil })
		add := &pb.BatchAddRoutesRequest{Routes: list, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ReturnRoutes: withRoutes, RequestId: uuid.NewString(), Acknowledgement: programmed}
		_, err := r.routes.BatchAddRoutes(ctx, add)
		must(t, err)
		r.removeAll(t, "10.1.1.0/24")
		r.proves(t)
		r.removeAll(t, "10.1.3.0/24")
		again, err := r.routes.BatchAddRoutes(ctx, add)
		must(t, err)
		states := []pb.State{pb.State_STATE_REMOVED, pb.State_STATE_UNSPECIFIED, pb.State_STATE_REMOVING, pb.State_STATE_PROGRAMMED}
		for i, item := range again.GetItems() {
			if item.GetState() != states[i] || withRoutes && i != 1 && (len(item.GetRoutes()) != 1 || item.GetRoutes()[0].GetState() != states[i]) || !withRoutes && len(item.GetRoutes()) > 0 {
				t.Errorf("routes %v, item %d: %v", withRoutes, i, item)
			}
		}
		if !again.GetReplayed() || again.GetItems()[1].GetError().GetReason() != string(routes.DestinationHostBits) {
			t.Errorf("%v", again)
		}
		if a := r.fleet.awaited[len(r.fleet.awaited)-1]; len(r.fleet.awaited) != 2 || len(a.Keys) != 1 || len(a.Gone) != 1 {
			t.Errorf("routes %v: waits %+v", withRoutes, r.fleet.awaited)
		}
		r.removeAll(t, "10.1.4.0/24")
		r.proves(t)
	}
}

// TestAReplayedApplyWaits: it has no routes in its answer, and waits for them as
// the first call did.
func TestAReplayedApplyWaits(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
	req := &pb.ApplyRoutesRequest{
		Upserts: []*pb.Route{route("Port3", "10.1.2.0/24", "192.168.20.1", 100)}, Removals: []*pb.RouteSelector{selector("Port3", "10.1.1.0/24", "192.168.20.1")},
		RequestId: uuid.NewString(), Acknowledgement: programmed,
	}
	_, err := r.routes.ApplyRoutes(ctx, req)
	must(t, err)
	r.fleet.set(func() {
		r.fleet.waits = func(context.Context, routes.Revision) fleet.Waited { return fleet.Waited{} }
	})
	again, err := r.routes.ApplyRoutes(ctx, req)
	must(t, err)
	if again.GetAcknowledged() || !again.GetReplayed() || !again.GetCommitted() || again.GetUpserts()[0].GetState() != pb.State_STATE_PROGRAMMED || again.GetRemovals()[0].GetState() != pb.State_STATE_REMOVING {
		t.Errorf("%v", again)
	}
}

// TestAReplayWarnsOfWhatIsNow: the warnings of the first answer may not hold any more.
func TestAReplayWarnsOfWhatIsNow(t *testing.T) {
	r := keeping(t)
	req := &pb.BatchAddRoutesRequest{Routes: []*pb.Route{route("Port3", "192.168.21.7/32", "192.168.20.1", 100)}, RequestId: uuid.NewString()}
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() { r.fleet.set(func() { r.fleet.ports[2].Link = routes.LinkStateDown }) }, string(routes.WarnInterfaceDown)},
		{func() { r.fleet.set(func() { r.fleet.ports[2].Link = routes.LinkStateUp }) }, ""},
		{func() { r.server.SetPolicy(routes.Policy{HostDestinations: routes.Refuse}) }, string(routes.WarnNoLongerAllowed)},
		{func() { r.removeAll(t, "192.168.21.7/32") }, ""},
	} {
		step.change()
		resp, err := r.routes.BatchAddRoutes(t.Context(), req)
		must(t, err)
		var codes []string
		for _, w := range resp.GetItems()[0].GetWarnings() {
			codes = append(codes, w.GetCode())
		}
		if got := strings.Join(codes, " "); got != step.want {
			t.Errorf("warnings %q, want %q", got, step.want)
		}
	}
}

// TestALargeReplayHasItsRoutes: what is kept of a large answer has none, yet the
// routes are found again.
func TestALargeReplayHasItsRoutes(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	add := &pb.BatchAddRoutesRequest{ReturnRoutes: true, RequestId: uuid.NewString()}
	remove := &pb.BatchRemoveRoutesRequest{ReturnRoutes: true, RequestId: uuid.NewString()}
	for i := range 4000 {
		destination := fmt.Sprintf("10.%d.%d.0/24", 1+i/250, i%250)
		add.Routes = append(add.Routes, route("Port3", destination, "192.168.20.1", 100))
		remove.Selectors = append(remove.Selectors, selector("Port3", destination, ""))
	}
	first, err := r.routes.BatchAddRoutes(ctx, add)
	must(t, err)
	if size := proto.Size(first); size <= 256<<10 {
		t.Fatalf("%d bytes are not large", size)
	}
	again, err := r.routes.BatchAddRoutes(ctx, add)
	must(t, err)
	again.Replayed = false
	if !proto.Equal(first, again) {
		t.Errorf("first %.300s\nagain %.300s", first.String(), again.String())
	}
	_, err = r.routes.BatchRemoveRoutes(ctx, remove)
	must(t, err)
	gone, err := r.routes.BatchRemoveRoutes(ctx, remove)
	must(t, err)
	for _, item := range gone.GetItems() {
		if len(item.GetRoutes()) != 1 || item.GetRoutes()[0].GetState() != pb.State_STATE_REMOVING || !strings.HasPrefix(item.GetRoutes()[0].GetDestination(), "10.") {
			t.Fatalf("%v", item)
		}
	}
	late, err := r.routes.BatchAddRoutes(ctx, add)
	must(t, err)
	if item := late.GetItems()[0]; item.GetRoutes()[0].GetState() != pb.State_STATE_REMOVING || len(item.GetWarnings()) != 0 {
		t.Errorf("%v", item)
	}
}
