package table

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }

func testVeth() nstest.Veth {
	return nstest.Veth{Name: "v0", Peer: "v1", MAC: testMAC, Addresses: []string{"10.200.0.1/24", "fd00:200::1/64"}}
}

func manyWants(t testing.TB, n int) []Want {
	all := make([]Want, n)
	for i := range all {
		a := netip.AddrFrom4([4]byte{20 + byte(i>>16), byte(i >> 8), byte(i), 0})
		all[i] = want(t, netip.PrefixFrom(a, 24).String(), "10.200.0.2", 256)
	}
	return all
}

// rig is a running Table over the real kernel.
type rig struct {
	*Table
	k    *kernel.Linux
	excs map[routes.Key]Exception
	last Report
	gen  uint64
	stop func()
}

func run(t testing.TB, opts Options) *rig {
	t.Helper()
	nstest.Require(t)
	k, err := kernel.Open(testProtocol)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Table: New(k, opts), k: k, excs: make(map[routes.Key]Exception)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		k.Close()
	})
	t.Cleanup(r.stop)
	return r
}

// wait collects reports until ok.
func (r *rig) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for !ok() {
		report, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v; generation %d of %d, exceptions %+v", what, err, r.last.Generation, r.gen, r.excs)
		}
		r.last = report
		for _, e := range report.Changed {
			r.excs[e.Key] = e
			if e.Plain() {
				delete(r.excs, e.Key)
			}
		}
	}
}

func (r *rig) set(t testing.TB, wants ...Want) {
	t.Helper()
	r.gen++
	r.SetDesired(Set{Generation: r.gen, Routes: slices.Values(wants)})
	r.wait(t, "the set", func() bool { return r.last.Generation == r.gen })
}

func (r *rig) apply(t testing.TB, upserts []Want, removals ...routes.Key) {
	t.Helper()
	r.gen++
	r.Apply(Delta{Generation: r.gen, Upserts: upserts, Removals: removals})
	r.wait(t, "the delta", func() bool { return r.last.Generation == r.gen })
}

// held are the destinations of our routes in the kernel, as "prefix via hop metric".
func (r *rig) held(t testing.TB) []string {
	t.Helper()
	all := []string{}
	if err := r.k.List(context.Background(), func(e kernel.Route) { all = append(all, text(e.FIBEntry)) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// TestLargeSets prints times, which depend on the machine.
func TestLargeSets(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	all := manyWants(t, 100_000)
	r.set(t)
	for _, n := range []int{1000, 10000, 100000} {
		start := time.Now()
		r.set(t, all[:n]...)
		added := time.Since(start)
		if got := len(r.held(t)); got != n || r.last.Programmed != n || len(r.excs) > 0 {
			t.Errorf("%d in the kernel, %d programmed, want %d; exceptions %v", got, r.last.Programmed, n, r.excs)
		}
		writes := r.last.Counters.Writes
		start = time.Now()
		r.set(t, all[:n]...)
		same := time.Since(start)
		if r.last.Counters.Writes != writes {
			t.Errorf("the same set took %d writes", r.last.Counters.Writes-writes)
		}
		start = time.Now()
		r.set(t)
		t.Logf("%d routes: set and read back %v, same set %v, empty set %v", n, added, same, time.Since(start))
	}
}

func TestSingleChanges(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	all := manyWants(t, 2000)
	r.set(t, all[:1000]...)
	resyncs := r.last.Counters.Resyncs
	const late = 5 // the new link's own IPv6 address makes events of its own
	var took []time.Duration
	for _, w := range all[1000:] {
		start := time.Now()
		r.apply(t, []Want{w})
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("one addition, written, read back and reported: p50 %v p99 %v", took[500], took[990])
	if len(r.held(t)) != 2000 || len(r.excs) > 0 || r.last.Counters.Resyncs > resyncs+late {
		t.Errorf("%d in the kernel, %+v", len(r.held(t)), r.last)
	}
}

func text(e routes.FIBEntry) string {
	return e.Destination.String() + " " + e.NextHop.String()
}
