package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// scale is a store that weighs what is kept.
type scale struct {
	store.Store
	bytes *int // of the last answer
}

func (s scale) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if answer := req.Answer; answer != nil {
		req.Answer = func(res store.Result) []byte {
			kept := answer(res)
			*s.bytes = len(kept)
			return kept
		}
	}
	return s.Store.Apply(ctx, req)
}

// TestReplayOfALargeRemoval: one call that removes all routes to a destination has
// them in its answer, yet they are not kept; a replay finds what is left of them.
func TestReplayOfALargeRemoval(t *testing.T) {
	kept := 0
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { return scale{s, &kept} }})
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	r.fleet.set(func() {
		r.fleet.status = func(rec routes.Record) []routes.NodeStatus {
			if rec.Removed {
				return []routes.NodeStatus{{Node: "k8s-master", State: routes.Removing, Cause: routes.InProgress}}
			}
			return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed, Revision: rec.Revision}}
		}
	})
	const destination, stored = "2001:db8:cafe::/64", routes.MaxPerDestination
	const port = "Port3"
	// So few routes are a large answer where the certificate of who added them has a long name.
	adds := store.Request{Caller: store.Caller{Actor: "cn:" + strings.Repeat("long name ", 500)}, Action: "batch-add", Atomic: true}
	for i := range stored {
		parsed, err := routes.Parse(routes.Text{Interface: port, Destination: destination, NextHop: fmt.Sprintf("fd00:20::%x", 0x1000+i), Metric: int64(1 + i)})
		must(t, err)
		adds.Items = append(adds.Items, store.Item{Op: store.OpAdd, Route: parsed})
	}
	added, err := r.store.Apply(t.Context(), adds)
	must(t, err)
	if !added.Committed {
		t.Fatal(added.Items[0].Err)
	}
	remove := &pb.RemoveRouteRequest{Selector: selector(port, destination, ""), All: true, RequestId: uuid.NewString()}
	first, err := r.routes.RemoveRoute(t.Context(), remove)
	must(t, err)
	if size := proto.Size(first); size <= 256<<10 || len(first.GetRoutes()) != stored {
		t.Fatalf("%d bytes of %d routes are not large", size, len(first.GetRoutes()))
	}
	if kept == 0 || kept > 100 {
		t.Errorf("%d bytes are kept", kept)
	}
	again := func(name string) *pb.RemoveRouteResponse {
		t.Helper()
		resp, err := r.routes.RemoveRoute(t.Context(), remove)
		must(t, err)
		if !resp.GetReplayed() || resp.GetOutcome() != pb.Outcome_OUTCOME_REMOVED || resp.GetRevision() != first.GetRevision() {
			t.Errorf("%s: replayed %v, %v, revision %d", name, resp.GetReplayed(), resp.GetOutcome(), resp.GetRevision())
		}
		return resp
	}
	leaving := again("being removed")
	leaving.Replayed = false
	if !proto.Equal(first, leaving) {
		t.Errorf("being removed: first %.300s\nagain %.300s", first.String(), leaving.String())
	}
	r.proves(t)
	if gone := again("gone"); len(gone.GetRoutes()) > 0 {
		t.Errorf("gone: %.300s", gone.String())
	}
	r.add(t, route(port, destination, "fd00:20::1000", 9))
	if back := again("there again").GetRoutes(); len(back) != 1 || back[0].GetState() != pb.State_STATE_PROGRAMMED || back[0].GetMetric() != 9 {
		t.Errorf("there again: %.300s", back)
	}
}
