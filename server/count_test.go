package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// calm is a fleet of two nodes that have programmed everything.
type calm struct {
	fleet.Fleet
	reported time.Time
}

func (calm) Facts(string) routes.Facts {
	return routes.Facts{Known: true, Found: true, Port: routes.Port{
		Alias: "Port3", Link: routes.LinkStateUp, Switch: "vswitch-Port3", Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.2/24")},
	}}
}

func (f calm) Status(rec routes.Record) []routes.NodeStatus {
	return []routes.NodeStatus{
		{Node: "k8s-master", State: routes.Programmed, Revision: rec.Revision, Time: f.reported},
		{Node: "k8s-worker", State: routes.Programmed, Revision: rec.Revision, Time: f.reported},
	}
}

func (calm) StatusChanges(uint64) ([]routes.Key, bool, uint64, <-chan struct{}) {
	return nil, false, 1, nil
}

// countRig is a service whose store has count routes, added so many at a time.
func countRig(t *testing.T, count, atATime int) *Server {
	t.Helper()
	db, err := boltstore.Open(filepath.Join(t.TempDir(), "hcsroute.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var req store.Request
	for i := range count {
		r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: fmt.Sprintf("20.%d.%d.0/24", i/250, i%250), NextHop: "192.168.20.1", Metric: 100})
		if err != nil {
			t.Fatal(err)
		}
		if req.Items = append(req.Items, store.Item{Op: store.OpAdd, Route: r}); len(req.Items) < atATime {
			continue
		}
		if res, err := db.Apply(t.Context(), req); err != nil || !res.Committed {
			t.Fatal(res, err)
		}
		req.Items = nil
	}
	return New(Options{Store: db, Fleet: calm{reported: time.Now()}})
}

// TestAllocationsPerShownRoute holds the price of reading many routes to a
// number that does not depend on the machine. Routes that were added together
// share what is equal.
func TestAllocationsPerShownRoute(t *testing.T) {
	const less, more = 100, 400
	for _, c := range []struct {
		atATime     int
		list, watch float64
	}{
		// The route and its destination, the fleet's statuses; the event.
		{atATime: more, list: 3.2, watch: 4.5},
		// And the times of the record; the two statuses with their times.
		{atATime: 1, list: 9.2, watch: 10.5},
	} {
		s := countRig(t, more, c.atATime)
		service := &routeService{Server: s}
		list := func(n int) float64 {
			return testing.AllocsPerRun(20, func() {
				if resp, err := service.ListRoutes(t.Context(), &pb.ListRoutesRequest{PageSize: int32(n)}); err != nil || len(resp.Routes) != n {
					t.Fatal(len(resp.GetRoutes()), err)
				}
			})
		}
		if each := (list(more) - list(less)) / (more - less); each > c.list {
			t.Errorf("added %d at a time: %.2f allocations for each listed route, at most %.1f", c.atATime, each, c.list)
		}
		watched := func(n int) float64 {
			return testing.AllocsPerRun(20, func() {
				left := n
				w := &watch{Server: s, send: func(*pb.WatchRoutesResponse) error {
					if left--; left == 0 {
						return context.Canceled
					}
					return nil
				}}
				if err := w.sendCurrent(t.Context()); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			})
		}
		if each := (watched(more) - watched(less)) / (more - less); each > c.watch {
			t.Errorf("added %d at a time: %.2f allocations for each watched route, at most %.1f", c.atATime, each, c.watch)
		}
	}
}

// pages is a store that notes how many records each read asks for.
type pages struct {
	store.Store
	asked []int
}

func (p *pages) Has(ctx context.Context, keys []routes.Key) ([]bool, error) {
	p.asked = append(p.asked, len(keys))
	return p.Store.Has(ctx, keys)
}

func (p *pages) Get(ctx context.Context, key routes.Key) (routes.Record, error) {
	p.asked = append(p.asked, 1)
	return p.Store.Get(ctx, key)
}

func (p *pages) List(ctx context.Context, q store.Query) ([]routes.Record, bool, error) {
	p.asked = append(p.asked, q.Limit)
	return p.Store.List(ctx, q)
}

// TestTheFirstRowDoesNotWait: a watch reads little before its first row, and
// much at a time later on.
func TestTheFirstRowDoesNotWait(t *testing.T) {
	const count = 2000
	s := countRig(t, count, count)
	p := &pages{Store: s.store}
	s.store = p
	rows := 0
	w := &watch{Server: s, send: func(msg *pb.WatchRoutesResponse) error {
		if msg.Kind == pb.WatchRoutesResponse_KIND_CURRENT {
			rows++
		}
		return nil
	}}
	if err := w.sendCurrent(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 500, 500}
	if rows != count || !slices.Equal(p.asked, want) {
		t.Errorf("%d rows in pages of %v, want %d in %v", rows, p.asked, count, want)
	}
}

// TestRemovalsCostAWatchNothing: they come from the store's events, however many
// there are and however long a stopped node keeps them.
func TestRemovalsCostAWatchNothing(t *testing.T) {
	const count, node = 300, "k8s-master"
	s := countRig(t, count, count)
	p := &pages{Store: s.store}
	s.store = p
	ctx := t.Context()
	if err := p.Know(ctx, store.KnownNode{ID: node, Name: node}); err != nil {
		t.Fatal(err)
	}
	removing, ends := 0, 0
	w := &watch{Server: s, send: func(msg *pb.WatchRoutesResponse) error {
		switch {
		case msg.Kind == pb.WatchRoutesResponse_KIND_REMOVED:
			removing++
		case msg.Route.GetState() == pb.State_STATE_REMOVED:
			ends++
		}
		return nil
	}}
	if err := w.sendCurrent(ctx); err != nil {
		t.Fatal(err)
	}
	recs, _, err := p.List(ctx, store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var req store.Request
	for _, rec := range recs {
		key := rec.Route.Key()
		req.Items = append(req.Items, store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: "Port3", Destination: key.Destination, NextHop: key.NextHop}})
	}
	if res, err := p.Apply(ctx, req); err != nil || !res.Committed {
		t.Fatal(res, err)
	}
	p.asked = nil
	for _, want := range []int{0, 0, count, count} { // the store has the proofs before the third
		if want > 0 && ends == 0 {
			if err := p.Prove(ctx, node, p.Info().Version.Revision, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.sendChanges(ctx); err != nil {
			t.Fatal(err)
		}
		if removing != count || ends != want {
			t.Fatalf("%d removals and %d ends, want %d and %d", removing, ends, count, want)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("the store was asked for %v", p.asked)
	}
}

// TestAStatusOfARouteThatWasReadAhead: no event is to come that would carry it.
func TestAStatusOfARouteThatWasReadAhead(t *testing.T) {
	s := countRig(t, 1, 1)
	recs, _, err := s.store.List(t.Context(), store.Query{})
	if err != nil || len(recs) != 1 {
		t.Fatal(recs, err)
	}
	rec, sent := recs[0], 0
	w := &watch{Server: s, send: func(*pb.WatchRoutesResponse) error { sent++; return nil }}
	w.sentTo.Revision = rec.Revision - 1
	for want, ahead := range []map[routes.Key]routes.Revision{nil, {rec.Route.Key(): rec.Revision}} {
		w.ahead = ahead
		if err := w.sendStatus(w.snapshot(), rec); err != nil || sent != want {
			t.Errorf("%d statuses, want %d: %v", sent, want, err)
		}
	}
}
