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
