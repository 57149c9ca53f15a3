package server_test

import (
	"context"
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// lastAwaited is what the fleet was last asked to wait for, since it was asked here.
func (r *rig) lastAwaited(t *testing.T) (last fleet.Awaited) {
	t.Helper()
	r.fleet.set(func() {
		if len(r.fleet.awaited) == 0 {
			t.Fatal("nobody waited")
		}
		last, r.fleet.awaited = r.fleet.awaited[len(r.fleet.awaited)-1], nil
	})
	return last
}

// TestWhatCannotBeYetIsAcknowledgedWithAWarning, for a change and for a wait.
func TestWhatCannotBeYetIsAcknowledgedWithAWarning(t *testing.T) {
	r := start(t, rigOptions{})
	r.fleet.set(func() {
		r.fleet.waits = func(context.Context, routes.Revision) fleet.Waited {
			return fleet.Waited{Reached: true, Waiting: []routes.NodeStatus{{Node: "k8s-worker", State: routes.Waiting, Cause: routes.NodeStopped}}}
		}
	})
	added, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{
		Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 100), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED,
	})
	must(t, err)
	waited, err := r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{})
	must(t, err)
	if !added.Acknowledged || !waited.Acknowledged {
		t.Errorf("not acknowledged: %v, %v", added, waited)
	}
	for _, warnings := range [][]*pb.Warning{added.Route.Warnings, waited.Warnings} {
		if len(warnings) != 1 || warnings[0].Code != string(routes.WarnNotProgrammed) || warnings[0].Params["node"] != "k8s-worker" ||
			warnings[0].Message != "stored, and waits on k8s-worker: WAITING (NODE_STOPPED)" {
			t.Errorf("warnings %v", warnings)
		}
	}
}

// TestOneWarningForTheNodesThatShareACause: of twenty silent nodes an operator
// reads one line, not twenty.
func TestOneWarningForTheNodesThatShareACause(t *testing.T) {
	r := start(t, rigOptions{})
	silent := func(node, detail string) routes.NodeStatus {
		return routes.NodeStatus{Node: node, State: routes.Waiting, Cause: routes.AgentUnreachable, Detail: detail}
	}
	r.fleet.set(func() {
		r.fleet.waits = func(context.Context, routes.Revision) fleet.Waited {
			keeps := silent("n9", "refused")
			keeps.State = routes.Removing
			return fleet.Waited{
				Late: []routes.NodeStatus{
					silent("n1", "refused"), silent("n2", "timeout"), silent("n3", "refused"),
					silent("n4", "busy"), silent("n5", "busy"), silent("n6", "busy"), silent("n7", "busy"), silent("n8", "busy"), keeps,
				},
				Waiting: []routes.NodeStatus{{Node: "n10", State: routes.Removing, Cause: routes.NodeStopped}},
			}
		}
	})
	resp, err := r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{})
	must(t, err)
	var got []string
	for _, w := range resp.GetWarnings() {
		got = append(got, w.GetParams()["node"]+": "+w.GetMessage())
	}
	want := []string{
		"n1, n3: stored, but not programmed in time on n1, n3: WAITING (AGENT_UNREACHABLE): refused",
		"n2: stored, but not programmed in time on n2: WAITING (AGENT_UNREACHABLE): timeout",
		"n4, n5, n6, n7, n8: stored, but not programmed in time on n4, n5, n6 and 2 more: WAITING (AGENT_UNREACHABLE): busy",
		"n9: removed, but not gone from the kernel in time on n9: REMOVING (AGENT_UNREACHABLE): refused",
		"n10: removed, and waits on n10: REMOVING (NODE_STOPPED)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWhatIsNotAcknowledgedHasAWarning, whatever the call: callers need not
// make one up.
func TestWhatIsNotAcknowledgedHasAWarning(t *testing.T) {
	r := start(t, rigOptions{})
	r.fleet.set(func() {
		r.fleet.waits = func(context.Context, routes.Revision) fleet.Waited {
			return fleet.Waited{Late: []routes.NodeStatus{{Node: "k8s-worker", State: routes.Waiting, Cause: routes.AgentUnreachable, Detail: "as the test says"}}}
		}
	})
	const programmed = pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED
	metric := uint32(7)
	first, second := route("Port3", "192.168.21.0/24", "192.168.20.1", 100), route("Port3", "192.168.22.0/24", "192.168.20.1", 100)
	of := func(p *pb.Route) *pb.RouteSelector {
		return selector(p.GetInterface(), p.GetDestination(), p.GetNextHop())
	}
	ofRoutes := func(list ...*pb.Route) (warnings []*pb.Warning) {
		for _, p := range list {
			warnings = append(warnings, p.GetWarnings()...)
		}
		return warnings
	}
	for _, call := range []struct {
		name string
		do   func() (acknowledged bool, warnings []*pb.Warning, err error)
	}{
		{"add", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: first, Acknowledgement: programmed})
			return resp.GetAcknowledged(), ofRoutes(resp.GetRoute()), err
		}},
		{"the same again", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: first, Acknowledgement: programmed})
			return resp.GetAcknowledged(), ofRoutes(resp.GetRoute()), err
		}},
		{"set", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.SetRoute(t.Context(), &pb.SetRouteRequest{Selector: of(first), Metric: &metric, Acknowledgement: programmed})
			return resp.GetAcknowledged(), ofRoutes(resp.GetRoute()), err
		}},
		{"wait", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{})
			return resp.GetAcknowledged(), resp.GetWarnings(), err
		}},
		{"remove", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: of(first), Acknowledgement: programmed})
			return resp.GetAcknowledged(), ofRoutes(resp.GetRoutes()...), err
		}},
		{"batch add", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{Routes: []*pb.Route{first, second}, Acknowledgement: programmed})
			return resp.GetAcknowledged(), resp.GetWarnings(), err
		}},
		{"apply", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.ApplyRoutes(t.Context(), &pb.ApplyRoutesRequest{Removals: []*pb.RouteSelector{of(first)}, Acknowledgement: programmed})
			return resp.GetAcknowledged(), resp.GetWarnings(), err
		}},
		{"batch remove", func() (bool, []*pb.Warning, error) {
			resp, err := r.routes.BatchRemoveRoutes(t.Context(), &pb.BatchRemoveRoutesRequest{Selectors: []*pb.RouteSelector{of(second)}, Acknowledgement: programmed})
			return resp.GetAcknowledged(), resp.GetWarnings(), err
		}},
	} {
		acknowledged, warnings, err := call.do()
		if err != nil || acknowledged || len(warnings) != 1 || warnings[0].GetCode() != string(routes.WarnNotProgrammed) || warnings[0].GetParams()["node"] != "k8s-worker" {
			t.Errorf("%s: acknowledged %v, warnings %v, error %v", call.name, acknowledged, warnings, err)
		}
	}
}

// TestChangesSayWhatTheyWaitFor: what a change leaves is to be in the kernels,
// what it removes is to be gone, and a wait for routes is for those alone.
func TestChangesSayWhatTheyWaitFor(t *testing.T) {
	r := start(t, rigOptions{})
	first, second := route("Port3", "192.168.21.0/24", "192.168.20.1", 100), route("Port3", "192.168.21.0/24", "192.168.20.3", 100)
	programmed := pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED
	check := func(what string, revision uint64, keys, gone []routes.Key) {
		t.Helper()
		got := r.lastAwaited(t)
		slices.SortFunc(got.Gone, routes.Key.Compare)
		if uint64(got.Revision) != revision || !slices.Equal(got.Keys, keys) || !slices.Equal(slices.Compact(got.Gone), gone) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	added, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: first, Acknowledgement: programmed})
	must(t, err)
	check("add", added.Revision, []routes.Key{key(t, first)}, nil)
	other := r.add(t, route("Port3", "192.168.22.0/24", "192.168.20.1", 100))
	again, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: first, Acknowledgement: programmed})
	must(t, err)
	check("add what is there", added.Revision, []routes.Key{key(t, first)}, nil)
	if again.Outcome != pb.Outcome_OUTCOME_UNCHANGED {
		t.Errorf("answer %v", again)
	}
	set, err := r.routes.SetRoute(t.Context(), &pb.SetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", ""), NewNextHop: "192.168.20.3", Acknowledgement: programmed})
	must(t, err)
	check("set", set.Revision, []routes.Key{key(t, second)}, []routes.Key{key(t, first)})
	removed, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.21.0/24", ""), Acknowledgement: programmed})
	must(t, err)
	check("remove", removed.Revision, nil, []routes.Key{key(t, second)})

	_, err = r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{Routes: []*pb.RouteSelector{
		selector("port3", "192.168.22.0/24", "192.168.20.1"), selector("Port3", "10.99.0.0/16", "192.168.20.1"),
	}})
	must(t, err)
	check("wait for a route", removed.Revision, []routes.Key{key(t, other.Route)}, nil)
	before := len(r.fleet.awaited)
	nothing, err := r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{Routes: []*pb.RouteSelector{selector("Port3", "10.99.0.0/16", "192.168.20.1")}})
	must(t, err)
	if !nothing.Acknowledged || len(r.fleet.awaited) != before {
		t.Errorf("a wait for nothing: %v", nothing)
	}
	if _, err := r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{Routes: []*pb.RouteSelector{selector("Port3", "192.168.22.0/24", "")}}); reason(err) != routes.BadRequest {
		t.Errorf("a selector without next hop: %v", err)
	}
}
