package server_test

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestADestinationThatIsFull: every call that would add a further route to it is
// refused, also where it only checks, and the other items of a batch are not.
func TestADestinationThatIsFull(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	must(t, r.store.Know(ctx, store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	const dst, hop = "192.168.21.0/24", "192.168.20.1"
	nth := func(i int) *pb.Route {
		return route("Port3", dst, fmt.Sprintf("192.168.20.%d", 100+i), uint32(1+i))
	}
	var some []*pb.Route
	for i := range routes.MaxPerDestination {
		some = append(some, nth(i))
	}
	_, err := r.routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{Routes: some})
	must(t, err)
	further, other := route("Port3", dst, hop, 900), route("Port3", "192.168.22.0/24", hop, 900)
	first := selector("Port3", dst, nth(0).NextHop)
	for _, validate := range []bool{true, false} {
		_, add := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: further, ValidateOnly: validate})
		_, forced := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: further, Force: true, ValidateOnly: validate})
		_, set := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: first, NewNextHop: hop, ValidateOnly: validate})
		for what, err := range map[string]error{"add": add, "forced add": forced, "set of a next hop": set} {
			e := publicapi.FromStatus(err)
			if status.Code(err) != codes.ResourceExhausted || e == nil || e.Reason != routes.DestinationFull || e.Params["count"] != "64" || e.Params["limit"] != "64" {
				t.Errorf("%s: %v", what, err)
			}
		}
		applied, err := r.routes.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{Upserts: []*pb.Route{other, further}, ValidateOnly: validate})
		must(t, err)
		if full := applied.Upserts[1].GetError(); applied.Committed || full.GetReason() != string(routes.DestinationFull) {
			t.Errorf("applied %v", applied)
		}
		// A place is free when the nodes have proved it, which is not within the call.
		applied, err = r.routes.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{Removals: []*pb.RouteSelector{first}, Upserts: []*pb.Route{further}, ValidateOnly: validate})
		must(t, err)
		if full := applied.Upserts[0].GetError(); applied.Committed || full.GetReason() != string(routes.DestinationFull) || full.GetParams()["removing"] != "1" {
			t.Errorf("applied %v", applied)
		}
	}
	batch, err := r.routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{Mode: pb.BatchMode_BATCH_MODE_PARTIAL, Routes: []*pb.Route{further, other, nth(0)}})
	must(t, err)
	if items := batch.Items; items[0].GetError().GetReason() != string(routes.DestinationFull) || items[1].Outcome != pb.Outcome_OUTCOME_CREATED || items[2].Outcome != pb.Outcome_OUTCOME_UNCHANGED {
		t.Errorf("batch %v", batch)
	}
}
