package boltstore

import (
	"context"
	"net/netip"
	"runtime"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// toOne is the n-th of 65,535 routes to one destination.
func toOne(n int) routes.Route {
	r, err := routes.New(routes.Fields{
		Interface: "Port3", Destination: netip.MustParsePrefix("10.1.0.0/16"),
		NextHop: netip.AddrFrom4([4]byte{172, 16, byte(n >> 8), byte(n)}), Metric: uint32(n + 1),
	})
	if err != nil {
		panic(err)
	}
	return r
}

// spent is what do allocates, all in all.
func spent(do func()) (bytes, objects uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// TestAllocationsAtOneDestination: what an item costs does not depend on how many other
// items of the call are for its destination.
func TestAllocationsAtOneDestination(t *testing.T) {
	const stored, bytesEach, objectsEach = 64, 4096, 32
	s := mustOpen(t, dbPath(t), Options{})
	var items []store.Item
	for n := range stored {
		items = append(items, store.Item{Op: store.OpAdd, Route: toOne(n)})
	}
	if _, err := s.Apply(context.Background(), asking(items...)); err != nil {
		t.Fatal(err)
	}
	const count = 10_000
	items = make([]store.Item, count)
	for i := range items {
		r := toOne(i % stored)
		items[i] = store.Item{Op: store.OpSet, Change: routes.Change{Metric: uint32(stored + 1 + i)}, Selector: routes.Selector{
			Interface: "port3", Destination: r.Destination(), NextHop: r.NextHop(),
		}}
	}
	bytes, objects := spent(func() {
		if res, err := s.Apply(context.Background(), asking(items...)); err != nil || !res.Committed || res.Items[count-1].Err != nil {
			t.Fatal(res, err)
		}
	})
	if bytes > count*bytesEach || objects > count*objectsEach {
		t.Errorf("%d bytes and %d objects for each item, at most %d and %d", bytes/count, objects/count, bytesEach, objectsEach)
	}
}

// TestABatchToOneDestination: of the largest call with one destination what has room is
// stored, and the refusals are as cheap as other items.
func TestABatchToOneDestination(t *testing.T) {
	const count, bytesEach, objectsEach = 10_000, 2048, 32
	s := mustOpen(t, dbPath(t), Options{})
	items := make([]store.Item, count)
	for n := range items {
		items[n] = store.Item{Op: store.OpAdd, Route: toOne(n)}
	}
	var res store.Result
	bytes, objects := spent(func() {
		var err error
		if res, err = s.Apply(context.Background(), asking(items...)); err != nil || !res.Committed {
			t.Fatal(res.Committed, err)
		}
	})
	for n, it := range res.Items {
		if full := it.Err != nil && it.Err.Reason == routes.DestinationFull; full != (n >= routes.MaxPerDestination) {
			t.Fatalf("item %d: %v", n, it.Err)
		}
	}
	if count := s.Info().Version.Count; count != routes.MaxPerDestination {
		t.Fatalf("%d routes are stored", count)
	}
	if bytes > count*bytesEach || objects > count*objectsEach {
		t.Errorf("%d bytes and %d objects for each item, at most %d and %d", bytes/count, objects/count, bytesEach, objectsEach)
	}
	t.Logf("%d bytes and %d objects for each item", bytes/count, objects/count)
	wantSound(t, s)
}

// crowd stores more routes to one destination than may be, as earlier releases did.
func crowd(t *testing.T, s *Store, n int) {
	t.Helper()
	req := asking()
	if err := s.submit(context.Background(), n, func(g *group) error {
		a := &application{g: g, req: &req, st: g.st}
		a.st.version.Revision++
		for i := range n {
			a.applyDecision(g.at(toOne(i).Destination()), routes.Decision{Outcome: routes.Created, Put: toOne(i)})
		}
		a.accept(store.Result{}, nil)
		return g.err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestMoreThanMayBe: a set from before the limit is kept, restored, changed and removed;
// only a further route is refused.
func TestMoreThanMayBe(t *testing.T) {
	ctx := context.Background()
	const stored = 100
	old := mustOpen(t, dbPath(t), Options{})
	crowd(t, old, stored)
	path := dbPath(t)
	if _, err := Restore(ctx, backupOf(t, old), path, store.Caller{}); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path, Options{})
	wantSound(t, s)
	if count := s.Info().Version.Count; count != stored {
		t.Fatalf("%d routes", count)
	}
	at := func(n int) routes.Selector {
		return routes.Selector{Interface: "Port3", Destination: toOne(n).Destination(), NextHop: toOne(n).NextHop()}
	}
	all := at(0)
	all.NextHop = netip.Addr{}
	one := func(it store.Item) error {
		t.Helper()
		res, err := s.Apply(ctx, asking(it))
		if err != nil {
			t.Fatal(err)
		}
		if res.Items[0].Err != nil {
			return res.Items[0].Err
		}
		return nil
	}
	wantReason(t, one(store.Item{Op: store.OpAdd, Route: toOne(stored)}), routes.DestinationFull)
	wantReason(t, one(store.Item{Op: store.OpSet, Selector: at(1), Change: routes.Change{Metric: 900}}), "")
	wantReason(t, one(store.Item{Op: store.OpSet, Selector: at(2), Change: routes.Change{NextHop: toOne(stored).NextHop()}}), "")
	wantReason(t, one(store.Item{Op: store.OpRemove, Selector: at(3)}), "")
	wantReason(t, one(store.Item{Op: store.OpAdd, Route: toOne(3)}), routes.DestinationFull)
	wantReason(t, one(store.Item{Op: store.OpRemove, Selector: all, Removal: routes.Removal{All: true}}), "")
	if count := s.Info().Version.Count; count != 0 {
		t.Fatalf("%d routes are left", count)
	}
	wantSound(t, s)
}
