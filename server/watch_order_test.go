package server_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// A STATUS is always of the route as the watch sent it last, so never before
// its ADDED, although nodes report routes while they are stored.
func TestAWatchTellsARouteBeforeItsStatus(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	w := r.watch(t, &pb.WatchRoutesRequest{})
	w.want(inSync, "")
	const keys, rounds = 20, 10
	var writers errgroup.Group
	for writer := range 3 {
		list, reported := make([]*pb.Route, keys), make([]routes.Key, keys)
		for i := range list {
			list[i] = route("Port3", fmt.Sprintf("10.%d.%d.0/24", 100+writer, i), "192.168.20.1", 100)
			reported[i] = key(t, list[i])
		}
		writers.Go(func() error {
			for round := range rounds {
				for _, p := range list {
					r.fleet.reported(reported...) // the watch reads them while this one is stored
					if round%2 == 0 {
						if _, err := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: p}); err != nil {
							return err
						}
					} else if _, err := r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector(p.Interface, p.Destination, p.NextHop)}); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	sent, count := map[string]uint64{}, map[pb.WatchRoutesResponse_Kind]int{}
	for count[addedEv]+count[gone] < 3*keys*rounds {
		msg, err := w.stream.Recv()
		must(t, err)
		p := msg.Route
		count[msg.Kind]++
		if msg.Kind != state {
			sent[p.Destination] = p.Revision
		} else if sent[p.Destination] != p.Revision {
			t.Fatalf("the status of %s at revision %d; its last event had %d", p.Destination, p.Revision, sent[p.Destination])
		}
	}
	must(t, writers.Wait())
	if count[state] == 0 {
		t.Error("no status was sent")
	}
}
