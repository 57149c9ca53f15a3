package boltstore

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestTransactionsPerCall counts bolt transactions, each of which syncs the
// disk twice (data, then meta page): one for any call that changes something,
// however much; none for one that does not.
func TestTransactionsPerCall(t *testing.T) {
	var commits atomic.Int64
	s := mustOpen(t, dbPath(t), Options{commit: func(tx *bolt.Tx) error {
		commits.Add(1)
		return tx.Commit()
	}})
	ctx := context.Background()
	for _, c := range []struct {
		what string
		req  store.Request
		want int64
	}{
		{"one add", asking(adds(0, 1)...), 1},
		{"10,000 adds", asking(adds(1, 10_000)...), 1},
		{"the same adds", asking(adds(1, 100)...), 0},
		{"a check only", func() store.Request {
			r := asking(adds(20_000, 10)...)
			r.ValidateOnly = true
			return r
		}(), 0},
		{"a refused removal", asking(store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: "Port3", Destination: numbered(900_000).Destination()}}), 0},
	} {
		before := commits.Load()
		if _, err := s.Apply(ctx, c.req); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := commits.Load() - before; got != c.want {
			t.Errorf("%s: %d transactions, want %d", c.what, got, c.want)
		}
	}
}

// TestAllocationsPerRoute holds the price of a bulk call to a number that does
// not depend on the machine.
func TestAllocationsPerRoute(t *testing.T) {
	const count, limit = 10_000, 16
	s := mustOpen(t, dbPath(t), Options{})
	req := asking(adds(0, count)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.Apply(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / count
	t.Logf("%.1f allocations, %.0f bytes for each of %d routes", each, float64(after.TotalAlloc-before.TotalAlloc)/count, count)
	if each > limit {
		t.Errorf("%.1f allocations for each route, at most %d", each, limit)
	}
}

// TestAllocationsPerReadRecord: records share their texts, and a page is made
// as large as it will be.
func TestAllocationsPerReadRecord(t *testing.T) {
	const count = 10_000
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, count)
	page := func(size int) float64 {
		return testing.AllocsPerRun(5, func() {
			if recs, _, err := s.List(context.Background(), store.Query{Limit: size}); err != nil || len(recs) != size {
				t.Fatal(len(recs), err)
			}
		})
	}
	if all, ten := page(count), page(10); all > ten+1 {
		t.Errorf("%.0f allocations for a page of %d, %.0f for one of 10", all, count, ten)
	}
}
