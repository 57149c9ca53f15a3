package server_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// A batch is judged by how it ends: routes can change their metrics in a circle.
func TestMetricsSwapInOneCall(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	at := func(hop string, metric uint32) *pb.Route { return route("Port3", "192.168.21.0/24", hop, metric) }
	r.add(t, at("192.168.20.1", 10))
	r.add(t, at("192.168.20.5", 20))
	r.add(t, at("192.168.20.3", 30))
	stored := func() map[string]uint32 {
		recs, _, err := r.store.List(ctx, store.Query{})
		must(t, err)
		out := map[string]uint32{}
		for _, rec := range recs {
			out[rec.Route.NextHop().String()] = uint32(rec.Route.Metric())
		}
		return out
	}
	want := func(one, two, three uint32) {
		t.Helper()
		got := stored()
		if got["192.168.20.1"] != one || got["192.168.20.5"] != two || got["192.168.20.3"] != three {
			t.Fatalf("stored %v", got)
		}
	}
	applied, err := r.routes.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{Upserts: []*pb.Route{at("192.168.20.1", 20), at("192.168.20.5", 30), at("192.168.20.3", 10)}})
	must(t, err)
	if !applied.Committed {
		t.Fatalf("applied %v", applied)
	}
	want(20, 30, 10)
	batch, err := r.routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{Force: true, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, Routes: []*pb.Route{at("192.168.20.1", 10), at("192.168.20.3", 20)}})
	must(t, err)
	for _, item := range batch.Items {
		if item.Outcome != pb.Outcome_OUTCOME_UPDATED {
			t.Errorf("item %v", item)
		}
	}
	want(10, 30, 20)
	// One that ends in a conflict is refused whole, and names the other.
	applied, err = r.routes.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{Upserts: []*pb.Route{at("192.168.20.1", 30), at("192.168.20.5", 20)}})
	must(t, err)
	if applied.Committed || applied.Upserts[1].GetError().GetReason() != string(routes.MetricConflict) {
		t.Fatalf("applied %v", applied)
	}
	want(10, 30, 20)
}

// Whether a node has yet to prove a removal makes no difference to the next one.
func TestRemovingTwice(t *testing.T) {
	for name, known := range map[string][]string{"nobody has to prove it": nil, "a node has yet to prove it": {"k8s-master"}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, rigOptions{})
			ctx := t.Context()
			for _, id := range known {
				must(t, r.store.Know(ctx, store.KnownNode{ID: id, Name: id}))
			}
			p := route("Port3", "192.168.21.0/24", "192.168.20.1", 10)
			sel := selector("Port3", "192.168.21.0/24", "192.168.20.1")
			r.add(t, p)
			removed, err := r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: sel})
			must(t, err)
			_, err = r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: sel})
			if status.Code(err) != codes.NotFound {
				t.Fatalf("removed again: %v", err)
			}
			batch, err := r.routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{Selectors: []*pb.RouteSelector{sel}, All: true})
			must(t, err)
			if e := batch.Items[0].GetError(); e.GetReason() != string(routes.NotFound) || len(e.GetRelated()) != len(known) {
				t.Errorf("removed again in a batch: %v", batch)
			}
			again, err := r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: sel, IfExists: true})
			must(t, err)
			if again.Outcome != pb.Outcome_OUTCOME_UNCHANGED || len(again.Routes) != len(known) || again.Revision != removed.Revision {
				t.Errorf("removed if it exists: %v", again)
			}
			batch, err = r.routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{Selectors: []*pb.RouteSelector{sel}, IfExists: true, ReturnRoutes: true})
			must(t, err)
			if item := batch.Items[0]; !batch.Committed || item.Outcome != pb.Outcome_OUTCOME_UNCHANGED || len(item.Routes) != len(known) {
				t.Errorf("removed if it exists, in a batch: %v", batch)
			}
		})
	}
}
