package storetest

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func testBackup(t *testing.T, b Backend) {
	s := open(t, b)
	fill(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	// Writes go on meanwhile; the copy is of one revision.
	seen := map[routes.Revision]routes.Version{s.Info().Version.Revision: s.Info().Version}
	var mu sync.Mutex
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
			mustApply(t, s, add(route(t, p.String(), "192.168.20.1", 1)))
			mu.Lock()
			v := s.Info().Version
			seen[v.Revision] = v
			mu.Unlock()
		}
	})
	for range 5 {
		var buf bytes.Buffer
		info, err := s.Backup(t.Context(), &buf)
		if err != nil || info.Bytes != int64(buf.Len()) {
			t.Fatalf("%+v %v", info, err)
		}
		if report, err := s.Check(t.Context()); err != nil || len(report.Problems) > 0 {
			t.Fatalf("Check while writing: %v %q", err, report.Problems)
		}
		restored := b.OpenBackup(t, t.TempDir(), buf.Bytes())
		wantSound(t, restored)
		v := restored.Info().Version
		if v != info.Version {
			t.Fatalf("the backup is of %+v, its content of %+v", info.Version, v)
		}
		if err := restored.Close(); err != nil {
			t.Fatal(err)
		}
		for changed := s.Changed(); s.Info().Version.Revision == v.Revision; changed = s.Changed() {
			<-changed
		}
		mu.Lock()
		if want, ok := seen[v.Revision]; ok && v != want {
			t.Fatalf("the backup is %+v, the store was %+v", v, want)
		}
		mu.Unlock()
	}
	cancel()
	wg.Wait()
	if _, err := s.Backup(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	wantSound(t, s)
}

func testCompact(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	items := batch(t, 5000)
	mustApply(t, s, items...)
	for i := range items {
		items[i] = remove(items[i].Route)
	}
	mustApply(t, s, items[100:]...)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
			mustApply(t, s, add(route(t, p.String(), "192.168.20.1", 1)))
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			if n := len(list(t, s, store.Query{Interfaces: []string{"Port3"}})); n < 100 {
				t.Errorf("%d routes while compacting", n)
				return
			}
		}
	})
	for range 3 {
		before, after, err := s.Compact(t.Context())
		if err != nil || before == 0 || after == 0 || after > before {
			t.Errorf("%d -> %d, %v", before, after, err)
		}
	}
	cancel()
	wg.Wait()
	wantSound(t, s)
	v := s.Info().Version
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	if s.Info().Version != v {
		t.Fatalf("reopened as %+v, was %+v", s.Info().Version, v)
	}
	wantSound(t, s)
}

// testConcurrent: each caller gets a revision of its own, events come in that
// order, and a refused caller costs the others nothing.
func testConcurrent(t *testing.T, b Backend) {
	s := open(t, b)
	const callers, each = 16, 20
	var mu sync.Mutex
	got := map[routes.Revision]int{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(c), byte(i), 0}), 24)
				r := route(t, p.String(), "192.168.20.1", 1)
				if c%4 == 0 {
					if res := apply(t, s, remove(r)); refusal(res.Items[0]) == nil || res.Committed {
						t.Errorf("removed what is not there: %+v", res)
					}
					continue
				}
				res := mustApply(t, s, add(r))
				if rec := res.Items[0].After[0]; rec.Revision != res.Revision {
					t.Errorf("revision %d of a record of %d", res.Revision, rec.Revision)
				}
				mu.Lock()
				got[res.Revision]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	events, ok := s.Since(store.Beyond(0))
	if want := callers / 4 * 3 * each; !ok || len(got) != want || len(events) != want {
		t.Fatalf("%d revisions, %d events, want %d", len(got), len(events), want)
	}
	for i, e := range events {
		if e.Version.Revision != routes.Revision(i+1) || e.Version.Count != uint64(i+1) {
			t.Fatalf("event %d is %+v", i, e.Version)
		}
	}
	wantSound(t, s)
}

func testCancelled(t *testing.T, b Backend) {
	s := open(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Apply(ctx, store.Request{Items: batch(t, 1)})
	if !errors.Is(err, context.Canceled) || s.Info().Version.Revision != 0 {
		t.Fatalf("error %v, %+v", err, s.Info())
	}
	if _, _, err = s.List(ctx, store.Query{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	// Once it is being carried out, a request has its result, whatever the context says.
	during, cancelDuring := context.WithCancel(t.Context())
	defer cancelDuring()
	late := route(t, "10.77.0.0/16", "192.168.20.1", 1)
	res, err := s.Apply(during, store.Request{RequestID: "late", Items: []store.Item{add(late)}, Answer: func(store.Result) []byte {
		cancelDuring()
		return nil
	}})
	if err != nil || !res.Committed {
		t.Fatalf("%+v %v", res, err)
	}
	// Whoever gets the context's error may rely on it: nothing was done.
	for i := range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		r := parsed(t, routes.Text{Interface: "Port4", Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24).String(), NextHop: "192.168.20.1", Metric: 1})
		go cancel()
		_, err := s.Apply(ctx, store.Request{Items: []store.Item{add(r)}})
		_, lookup := s.Get(t.Context(), r.Key())
		if (err == nil) != (lookup == nil) {
			t.Fatalf("Apply: %v, but Get: %v", err, lookup)
		}
		cancel()
	}
	wantSound(t, s)
}

func testClosed(t *testing.T, b Backend) {
	s := b.Open(t, t.TempDir(), Settings{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("closed twice: %v", err)
	}
	_, err := s.Apply(t.Context(), store.Request{Items: batch(t, 1)})
	wantReason(t, err, routes.Unavailable)
	_, _, err = s.List(t.Context(), store.Query{})
	wantReason(t, err, routes.Unavailable)
	_, _, err = s.Compact(t.Context())
	wantReason(t, err, routes.Unavailable)
}
