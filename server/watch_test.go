package server_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// A reader that believes its watch has the routes as they are, however many
// change while the first ones are read.
func TestAWatchConverges(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	const n = 4000 // many pages of current routes, more than the stream takes unread
	batch := &pb.BatchAddRoutesRequest{}
	for i := range n {
		batch.Routes = append(batch.Routes, route("Port3", fmt.Sprintf("10.%d.%d.0/24", 100+i/250, i%250), "192.168.20.1", 100))
	}
	resp, err := r.routes.BatchAddRoutes(ctx, batch)
	if err != nil || !resp.Committed {
		t.Fatalf("committed %v: %v", resp.GetCommitted(), err)
	}
	w := r.watch(t, &pb.WatchRoutesRequest{ChangesOnly: true})
	var writers errgroup.Group
	for k := range 3 {
		writers.Go(func() error {
			for i := n - 1 - k; i > 0; i -= 90 { // the last pages first
				p := batch.Routes[i]
				if i%2 == 0 {
					if _, err := r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector(p.Interface, p.Destination, p.NextHop)}); err != nil {
						return err
					}
				} else if _, err := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: route(p.Interface, p.Destination, p.NextHop, uint32(i+1)), Force: true}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	have := map[string]uint32{}
	revision := uint64(0)
	take := func() {
		msg, err := w.stream.Recv()
		must(t, err)
		switch p := msg.Route; msg.Kind {
		case current, addedEv, updated:
			if have[p.Destination] == p.GetMetric() {
				t.Errorf("%v is sent twice for %s", msg.Kind, p.Destination)
			}
			have[p.Destination] = p.GetMetric()
		case gone:
			delete(have, p.Destination)
		case inSync:
		default:
			t.Fatalf("event %v", msg)
		}
		if msg.Revision < revision {
			t.Fatalf("event of revision %d after %d", msg.Revision, revision)
		}
		revision = msg.Revision
	}
	take()
	must(t, writers.Wait())
	last := uint64(r.store.Info().Version.Revision)
	for revision < last {
		take()
	}
	list, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: 10_000, Summary: true})
	must(t, err)
	if len(list.Routes) != len(have) {
		t.Errorf("the watch has %d routes, the list %d", len(have), len(list.Routes))
	}
	for _, p := range list.Routes {
		if have[p.Destination] != p.GetMetric() {
			t.Errorf("the watch has %s with metric %d, the list with %d", p.Destination, have[p.Destination], p.GetMetric())
		}
	}
}
