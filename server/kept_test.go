package server_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestReplayOfALargeAnswer: what is kept of it is bounded, and still says what
// became of each item; the routes are found again.
func TestReplayOfALargeAnswer(t *testing.T) {
	r := start(t, rigOptions{})
	req := &pb.BatchAddRoutesRequest{RequestId: uuid.NewString(), Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ReturnRoutes: true}
	for n := range 5000 {
		req.Routes = append(req.Routes, route("Port3", fmt.Sprintf("10.%d.%d.0/24", n>>8, n&255), "192.168.20.1", 7))
	}
	for range 5000 {
		req.Routes = append(req.Routes, route("Port3", "10.1.2.3/8", "192.168.20.1", 7))
	}
	first, err := r.routes.BatchAddRoutes(t.Context(), req)
	must(t, err)
	again, err := r.routes.BatchAddRoutes(t.Context(), req)
	must(t, err)
	if len(again.Items) != len(first.Items) || !again.Committed || again.Revision != first.Revision {
		t.Fatalf("%d items, committed %v, revision %d", len(again.Items), again.Committed, again.Revision)
	}
	for i, item := range again.Items {
		if item.Outcome != first.Items[i].Outcome || item.GetError().GetReason() != first.Items[i].GetError().GetReason() {
			t.Fatalf("item %d: %v, was %v", i, item, first.Items[i])
		}
	}
	if again.Items[7000].GetError().GetReason() != string(routes.DestinationHostBits) || !proto.Equal(first.Items[0], again.Items[0]) {
		t.Errorf("first %v, again %v", first.Items[0], again.Items[0])
	}
}
