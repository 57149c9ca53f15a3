package server_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestTextOfItem: a text that is too long or cannot be printed costs its item,
// in whichever list of routes it is, and no other.
func TestTextOfItem(t *testing.T) {
	for name, text := range map[string]string{"too long": strings.Repeat("x", 600), "unprintable": "Port\u200b3"} {
		t.Run(name, func(t *testing.T) {
			r := start(t, rigOptions{})
			good := route("Port3", "192.168.21.0/24", "192.168.20.1", 100)
			bad := route(text, "192.168.22.0/24", "192.168.20.1", 100)
			refused := func(e *pb.Error) {
				t.Helper()
				if e.GetReason() != string(routes.BadRequest) || e.GetField() != "interface" {
					t.Errorf("the item's refusal is %v", e)
				}
			}

			added, err := r.routes.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{
				Routes: []*pb.Route{good, bad, route("Port3", "192.168.23.0/24", "192.168.20.1", 100)}, Mode: pb.BatchMode_BATCH_MODE_PARTIAL,
			})
			must(t, err)
			refused(added.GetItems()[1].GetError())
			if items := added.GetItems(); items[0].GetOutcome() != pb.Outcome_OUTCOME_CREATED || items[2].GetOutcome() != pb.Outcome_OUTCOME_CREATED {
				t.Errorf("the good routes: %v", items)
			}

			metric := uint32(50)
			to := func(alias, destination string) *pb.RouteChange {
				return &pb.RouteChange{Selector: selector(alias, destination, ""), Metric: &metric}
			}
			set, err := r.routes.BatchSetRoutes(t.Context(), &pb.BatchSetRoutesRequest{
				Changes: []*pb.RouteChange{to("Port3", "192.168.21.0/24"), to(text, "192.168.21.0/24"), to("Port3", "192.168.23.0/24")}, Mode: pb.BatchMode_BATCH_MODE_PARTIAL,
			})
			must(t, err)
			refused(set.GetItems()[1].GetError())
			if items := set.GetItems(); items[0].GetOutcome() != pb.Outcome_OUTCOME_UPDATED || items[2].GetOutcome() != pb.Outcome_OUTCOME_UPDATED {
				t.Errorf("the good changes: %v", items)
			}

			applied, err := r.routes.ApplyRoutes(t.Context(), &pb.ApplyRoutesRequest{
				Upserts: []*pb.Route{good, bad}, Removals: []*pb.RouteSelector{selector(text, "192.168.23.0/24", "192.168.20.1")},
			})
			must(t, err)
			refused(applied.GetUpserts()[1].GetError())
			refused(applied.GetRemovals()[0].GetError())
			if applied.GetCommitted() {
				t.Error("an atomic call with a bad item was committed")
			}

			_, err = r.routes.WaitRoutes(t.Context(), &pb.WaitRoutesRequest{Routes: []*pb.RouteSelector{selector(text, "192.168.21.0/24", "192.168.20.1")}})
			if reason(err) != routes.BadRequest {
				t.Errorf("waiting for it: %v", err)
			}

			removed, err := r.routes.BatchRemoveRoutes(t.Context(), &pb.BatchRemoveRoutesRequest{
				Selectors: []*pb.RouteSelector{selector("Port3", "192.168.21.0/24", ""), selector(text, "192.168.21.0/24", ""), selector("Port3", "192.168.23.0/24", "")},
				Mode:      pb.BatchMode_BATCH_MODE_PARTIAL,
			})
			must(t, err)
			refused(removed.GetItems()[1].GetError())
			if items := removed.GetItems(); items[0].GetOutcome() != pb.Outcome_OUTCOME_REMOVED || items[2].GetOutcome() != pb.Outcome_OUTCOME_REMOVED {
				t.Errorf("the good selectors: %v", items)
			}
		})
	}
}

// TestListsOfItems: the texts of these lists are judged where each item is
// made. A list that is new has to be as well.
func TestListsOfItems(t *testing.T) {
	want := map[protoreflect.FullName]bool{
		"hcsroute.v1.BatchAddRoutesRequest.routes": true, "hcsroute.v1.BatchRemoveRoutesRequest.selectors": true,
		"hcsroute.v1.ApplyRoutesRequest.upserts": true, "hcsroute.v1.ApplyRoutesRequest.removals": true,
		"hcsroute.v1.BatchSetRoutesRequest.changes": true, "hcsroute.v1.WaitRoutesRequest.routes": true,
	}
	messages := pb.File_hcsroute_v1_route_service_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		if !strings.HasSuffix(string(m.Name()), "Request") {
			continue
		}
		for j := range m.Fields().Len() {
			if f := m.Fields().Get(j); f.IsList() && f.Kind() == protoreflect.MessageKind {
				if !want[f.FullName()] {
					t.Errorf("%s: nobody judges the texts of its items", f.FullName())
				}
				delete(want, f.FullName())
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no longer there: %v", want)
	}
}
