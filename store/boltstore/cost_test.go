package boltstore

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestMemory: the store keeps records on the disk, not in memory.
func TestMemory(t *testing.T) {
	const limit = 40 << 20
	s := mustOpen(t, dbPath(t), Options{})
	before := heap()
	for n := range 10 {
		mustAdd(t, s, n*10_000, 10_000)
	}
	if _, err := s.Snapshot(context.Background(), true, func(routes.Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	used := heap() - before
	t.Logf("100,000 routes: %.1f MiB of heap, %.1f MiB of file", float64(used)/(1<<20), float64(s.Info().Bytes)/(1<<20))
	if used > limit {
		t.Fatalf("%d bytes of heap, at most %d", used, limit)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestGroupCommit: many callers cost far fewer syncs than they are.
func TestGroupCommit(t *testing.T) {
	var commits atomic.Int64
	count := &commitFault{}
	opts := Options{}
	opts.commit = count.commit
	s := mustOpen(t, dbPath(t), opts)
	s.opts.commit = func(tx *bolt.Tx) error { commits.Add(1); return count.commit(tx) }
	var wg sync.WaitGroup
	const callers, each = 64, 30
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				if err := addOne(s, c*each+i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := commits.Load(); n > callers*each/8 {
		t.Fatalf("%d commits for %d requests", n, callers*each)
	}
}

// BenchmarkBatch adds 10,000 routes in one request, beside 100,000 others.
func BenchmarkBatch(b *testing.B) {
	s := mustOpen(b, dbPath(b), Options{})
	for n := range 10 {
		mustAdd(b, s, 1_000_000+n*10_000, 10_000)
	}
	from := 0
	for b.Loop() {
		mustAdd(b, s, from, 10_000)
		b.StopTimer()
		items := adds(from, 10_000)
		for i, it := range items {
			items[i] = store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: "Port3", Destination: it.Route.Destination()}}
		}
		if _, err := s.Apply(context.Background(), asking(items...)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkFloor is what two synced writes of a page cost here: no commit of
// bbolt can cost less.
func BenchmarkFloor(b *testing.B) {
	f, err := os.Create(dbPath(b))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		for i := range 2 {
			if _, err := f.WriteAt(make([]byte, 4096), int64(i)<<16); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		times = append(times, time.Since(start))
	}
	reportTimes(b, times)
}

func reportTimes(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkAdd adds one route at a time, from one caller and from 64.
func BenchmarkAdd(b *testing.B) {
	b.Run("1", func(b *testing.B) {
		s := mustOpen(b, dbPath(b), Options{})
		var times []time.Duration
		n := 0
		for b.Loop() {
			start := time.Now()
			if err := addOne(s, n); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(start))
			n++
		}
		reportTimes(b, times)
	})
	b.Run("64", func(b *testing.B) {
		s := mustOpen(b, dbPath(b), Options{})
		var n atomic.Int64
		b.SetParallelism(64 / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := addOne(s, int(n.Add(1))); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// TestAuditSize: the audit of a batch names all of its routes in few bytes.
func TestAuditSize(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 10_000)
	recs, _, err := s.Audit(context.Background(), store.AuditQuery{})
	if err != nil || len(recs) != 1 || len(recs[0].After) != 10_000 || recs[0].After[9999] != numbered(9999).String() {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	var bytes uint64
	if err := s.view(context.Background(), func(tx *bolt.Tx) error {
		st, err := readState(tx)
		bytes = st.audit.bytes
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if bytes > 60_000 {
		t.Fatalf("%d bytes for 10,000 routes", bytes)
	}
}
