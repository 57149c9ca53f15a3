package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// to changes the metric of a route that has a revision, 0 for any.
func to(destination, hop string, metric uint32, revision uint64) *pb.RouteChange {
	return &pb.RouteChange{Selector: selector("Port3", destination, hop), Metric: &metric, ExpectedRevision: revision}
}

// outcomes are the outcomes of a batch, or the reasons of its refusals.
func outcomes(items []*pb.ItemResult) string {
	var out []string
	for i, item := range items {
		if int(item.GetIndex()) != i {
			return fmt.Sprintf("item %d has the index %d", i, item.GetIndex())
		}
		word := strings.TrimPrefix(item.GetOutcome().String(), "OUTCOME_")
		if item.GetError() != nil {
			word = item.GetError().GetReason()
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// TestManySetsAreOneChange: one revision, one audit record, one replay, and one
// bad item costs no other.
func TestManySetsAreOneChange(t *testing.T) {
	r := keeping(t)
	ctx := t.Context()
	for _, destination := range []string{"10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"} {
		r.add(t, route("Port3", destination, "192.168.20.1", 100))
	}
	req := &pb.BatchSetRoutesRequest{
		Changes: []*pb.RouteChange{
			to("10.1.1.0/24", "", 50, 1),
			to("10.1.2.0/24", "", 70_000, 0),
			{Selector: selector("Port3", "10.1.2.0/24", "192.168.20.1"), NewNextHop: "192.168.20.7"},
			to("10.1.3.0/24", "", 50, 2),
			to("10.1.3.0/24", "", 100, 3),
			to("10.9.9.0/24", "", 50, 0),
			{Selector: selector("Port3", "10.1.3.0/24", "")},
			{},
		},
		Mode: pb.BatchMode_BATCH_MODE_PARTIAL, RequestId: uuid.NewString(), Acknowledgement: programmed, ReturnRoutes: true,
	}
	first, err := r.routes.BatchSetRoutes(ctx, req)
	must(t, err)
	if got := outcomes(first.GetItems()); got != "UPDATED METRIC_OUT_OF_RANGE UPDATED REVISION_MISMATCH UNCHANGED NOT_FOUND BAD_REQUEST INTERFACE_NOT_FOUND" || first.GetRevision() != 4 || !first.GetCommitted() {
		t.Errorf("%s: %v", got, first)
	}
	for i, want := range []string{"", "metric", "", "expected_revision", "", "", "metric", "interface"} {
		if field := first.GetItems()[i].GetError().GetField(); want != "" && field != want {
			t.Errorf("item %d: field %q, want %q", i, field, want)
		}
	}
	moved := first.GetItems()[2] // until the node has let go of the next hop before
	if p := moved.GetRoutes(); len(p) != 1 || p[0].GetNextHop() != "192.168.20.7" || p[0].GetState() != pb.State_STATE_PROGRAMMED || moved.GetState() != pb.State_STATE_REMOVING {
		t.Errorf("moved: %v", moved)
	}
	again, err := r.routes.BatchSetRoutes(ctx, req)
	must(t, err)
	if !again.GetReplayed() {
		t.Error("not called a replay")
	}
	again.Replayed = false
	if !proto.Equal(first, again) {
		t.Errorf("first %v\nagain %v", first, again)
	}
	if a := r.fleet.awaited; len(a) != 2 || len(a[0].Gone) != 1 || !slices.Equal(a[0].Gone, a[1].Gone) {
		t.Errorf("waits %+v", a)
	}
	audit, err := r.audit.ListAuditRecords(ctx, &pb.ListAuditRecordsRequest{})
	must(t, err)
	newest := audit.GetRecords()[0]
	if len(audit.GetRecords()) != 4 || newest.GetAction() != "batch-set" || newest.GetItems() != 8 || newest.GetRefused() != 5 {
		t.Errorf("%d records, the newest %v", len(audit.GetRecords()), newest)
	}
}

// TestSetsAreJudgedInOrder: what a change finds is what those before it leave,
// also where all are only checked; metrics can swap.
func TestSetsAreJudgedInOrder(t *testing.T) {
	for _, dry := range []bool{true, false} {
		r := start(t, rigOptions{})
		r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
		r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.7", 200))
		resp, err := r.routes.BatchSetRoutes(t.Context(), &pb.BatchSetRoutesRequest{
			Changes: []*pb.RouteChange{
				to("10.1.1.0/24", "192.168.20.1", 200, 1),
				to("10.1.1.0/24", "192.168.20.7", 100, 2),
				to("10.1.1.0/24", "192.168.20.1", 300, 1),
			},
			Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ValidateOnly: dry, ReturnRoutes: true,
		})
		must(t, err)
		if got := outcomes(resp.GetItems()); got != "UPDATED UPDATED REVISION_MISMATCH" {
			t.Errorf("dry %v: %s", dry, got)
		}
		if p := resp.GetItems()[0].GetRoutes(); len(p) != 1 || p[0].GetMetric() != 200 || resp.GetCommitted() == dry {
			t.Errorf("dry %v: %v", dry, resp)
		}
		if rev := r.store.Info().Version.Revision; rev != map[bool]routes.Revision{true: 2, false: 3}[dry] {
			t.Errorf("dry %v: the store is at revision %d", dry, rev)
		}
	}
}

// TestAtomicSets are all or none.
func TestAtomicSets(t *testing.T) {
	r := start(t, rigOptions{})
	r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
	resp, err := r.routes.BatchSetRoutes(t.Context(), &pb.BatchSetRoutesRequest{Changes: []*pb.RouteChange{to("10.1.1.0/24", "", 50, 0), to("10.1.2.0/24", "", 50, 0)}, ReturnRoutes: true})
	must(t, err)
	if resp.GetCommitted() || outcomes(resp.GetItems()) != "UPDATED NOT_FOUND" || r.store.Info().Version.Revision != 1 {
		t.Errorf("%v", resp)
	}
	if _, err := r.routes.BatchSetRoutes(t.Context(), &pb.BatchSetRoutesRequest{}); reason(err) != routes.BadRequest {
		t.Errorf("without a change: %v", err)
	}
}

// TestALargeReplayOfSets: the routes that were changed are found again, and none
// is made up where it is not known which it was.
func TestALargeReplayOfSets(t *testing.T) {
	r := keeping(t)
	add, set := &pb.BatchAddRoutesRequest{}, &pb.BatchSetRoutesRequest{ReturnRoutes: true, RequestId: uuid.NewString()}
	for i := range 4000 {
		destination := fmt.Sprintf("10.%d.%d.0/24", 1+i/250, i%250)
		add.Routes = append(add.Routes, route("Port3", destination, "192.168.20.1", 100))
		set.Changes = append(set.Changes, to(destination, "", 50, 0))
	}
	set.Changes[1].NewNextHop = "192.168.20.7"
	_, err := r.routes.BatchAddRoutes(t.Context(), add)
	must(t, err)
	first, err := r.routes.BatchSetRoutes(t.Context(), set)
	must(t, err)
	if size := proto.Size(first); size <= 256<<10 {
		t.Fatalf("%d bytes are not large", size)
	}
	again, err := r.routes.BatchSetRoutes(t.Context(), set)
	must(t, err)
	again.Replayed = false
	if !proto.Equal(first, again) {
		t.Errorf("first %.300s\nagain %.300s", first.String(), again.String())
	}
	r.add(t, route("Port3", "10.1.0.0/24", "192.168.20.7", 7))
	r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 7))
	again, err = r.routes.BatchSetRoutes(t.Context(), set)
	must(t, err)
	if p := again.GetItems()[0].GetRoutes(); len(p) != 0 {
		t.Errorf("two are as good: %v", p)
	}
	if p := again.GetItems()[1].GetRoutes(); len(p) != 1 || p[0].GetNextHop() != "192.168.20.7" {
		t.Errorf("the one that was moved: %v", p)
	}
}

// TestRemovalsExpectRevisions: each selection of a batch has its own.
func TestRemovalsExpectRevisions(t *testing.T) {
	r := start(t, rigOptions{})
	req := &pb.BatchRemoveRoutesRequest{Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ExpectedRevisions: []uint64{1, 1, 0}}
	for _, destination := range []string{"10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"} {
		r.add(t, route("Port3", destination, "192.168.20.1", 100))
		req.Selectors = append(req.Selectors, selector("Port3", destination, ""))
	}
	resp, err := r.routes.BatchRemoveRoutes(t.Context(), req)
	must(t, err)
	if got := outcomes(resp.GetItems()); got != "REMOVED REVISION_MISMATCH REMOVED" {
		t.Errorf("%s: %v", got, resp)
	}
	req.ExpectedRevisions = []uint64{1}
	if _, err := r.routes.BatchRemoveRoutes(t.Context(), req); reason(err) != routes.BadRequest {
		t.Errorf("one revision for three selections: %v", err)
	}
}

// TestAnItemThatALaterOneUndoes: no route is PROGRAMMED in an answer that the same
// call has changed again.
func TestAnItemThatALaterOneUndoes(t *testing.T) {
	for name, c := range map[string]struct {
		rig     *rig
		removal pb.State
		move    pb.State
	}{
		"a node has it": {keeping(t), pb.State_STATE_REMOVING, pb.State_STATE_REMOVING},
		"no node":       {start(t, rigOptions{}), pb.State_STATE_REMOVED, pb.State_STATE_PROGRAMMED},
	} {
		r := c.rig
		r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
		moved := to("10.1.1.0/24", "", 60, 0)
		moved.NewNextHop = "192.168.20.7"
		req := &pb.BatchSetRoutesRequest{
			Changes: []*pb.RouteChange{to("10.1.1.0/24", "", 50, 0), moved, to("10.1.1.0/24", "", 70, 0)}, RequestId: uuid.NewString(), Acknowledgement: programmed, ReturnRoutes: true,
		}
		resp, err := r.routes.BatchSetRoutes(t.Context(), req)
		must(t, err)
		for i, want := range []struct {
			hop    string
			metric uint32
			state  pb.State
			worst  pb.State
		}{
			{"192.168.20.1", 50, c.removal, c.removal},
			{"192.168.20.7", 70, pb.State_STATE_PROGRAMMED, c.move},
			{"192.168.20.7", 70, pb.State_STATE_PROGRAMMED, pb.State_STATE_PROGRAMMED},
		} {
			item := resp.GetItems()[i]
			if p := item.GetRoutes(); len(p) != 1 || p[0].GetNextHop() != want.hop || p[0].GetMetric() != want.metric || p[0].GetState() != want.state || item.GetState() != want.worst {
				t.Errorf("%s, item %d: %v", name, i, item)
			}
		}
	}
}
