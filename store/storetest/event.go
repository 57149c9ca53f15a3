package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

func testSince(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r))
	mustApply(t, s, set(r, routes.Change{Metric: 2}))
	mustApply(t, s, remove(r))
	events, ok := s.Since(store.Beyond(0))
	if !ok || len(events) != 3 {
		t.Fatalf("%d events, %v", len(events), ok)
	}
	var digest routes.Digest
	for i, e := range events {
		for _, ch := range e.Changes {
			if ch.Before != nil && !ch.Before.Removed {
				digest = digest.Remove(ch.Before.Route)
			}
			if ch.After != nil && !ch.After.Removed {
				digest = digest.Add(ch.After.Route)
			}
		}
		if e.Version.Revision != routes.Revision(i+1) || e.Version.Digest != digest || e.Proofs != 0 || e.Time.IsZero() {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if events, ok = s.Since(store.Beyond(2)); !ok || len(events) != 1 || events[0].Version.Revision != 3 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if events, ok = s.Since(store.Beyond(3)); !ok || len(events) != 0 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if _, ok = s.Since(store.Beyond(4)); ok {
		t.Fatal("a revision that does not exist yet has events")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	if _, ok = s.Since(store.Beyond(2)); ok {
		t.Fatal("events of the process before")
	}
	if events, ok = s.Since(store.Beyond(3)); !ok || len(events) != 0 {
		t.Fatalf("%+v, %v", events, ok)
	}
}

func testSinceBounded(t *testing.T, b Backend) {
	s := openWith(t, b, t.TempDir(), Settings{EventChanges: 4})
	var items []store.Item
	for i := range 6 {
		it := add(route(t, "10.1.0.0/16", "192.168.20.1", int64(i+1)))
		it.Force = true
		mustApply(t, s, it)
		items = append(items, add(route(t, "10.2.0.0/16", "192.168.20."+string(rune('1'+i)), int64(i+1))))
	}
	if _, ok := s.Since(store.Beyond(1)); ok {
		t.Fatal("more than 4 changes were kept")
	}
	if events, ok := s.Since(store.Beyond(2)); !ok || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), ok)
	}
	// The newest request is kept however large it is.
	mustApply(t, s, items...)
	if events, ok := s.Since(store.Beyond(6)); !ok || len(events) != 1 || len(events[0].Changes) != 6 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if _, ok := s.Since(store.Beyond(5)); ok {
		t.Fatal("more was kept")
	}
}

// testChanged: the channel that was taken before a change or a proof is closed
// once it can be read, and by nothing else.
func testChanged(t *testing.T, b Backend) {
	s := b.Open(t, t.TempDir(), Settings{})
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	know(t, s, "a")
	first := s.Changed()
	for _, step := range []struct {
		name string
		want bool
		do   func()
	}{
		{"add", true, func() { mustApply(t, s, add(r)) }},
		{"add again", false, func() { apply(t, s, add(r)) }},
		{"know", false, func() { know(t, s, "b") }},
		{"remove", true, func() { mustApply(t, s, remove(r)) }},
		{"prove for one of two", false, func() { prove(t, s, "a") }},
		{"prove", true, func() { prove(t, s, "b") }},
		{"prove again", false, func() { prove(t, s, "b") }},
		{"raise the epoch", true, func() {
			if err := s.RaiseEpoch(t.Context(), s.Info().Version.Epoch, caller()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		changed, before := s.Changed(), s.Info().Position()
		step.do()
		if got := isClosed(changed); got != step.want || got != (s.Info().Position() != before) {
			t.Fatalf("%s: closed %v, at %+v, was at %+v", step.name, got, s.Info().Position(), before)
		}
	}
	if last := s.Changed(); !isClosed(first) || isClosed(last) {
		t.Fatal("a change opens the next channel, and only that")
	}
	last := s.Changed()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if isClosed(last) || isClosed(s.Changed()) {
		t.Fatal("closing is no change")
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// testChangedWhileOthersWrite: whoever takes the channel, reads, and waits comes
// to the newest event, whatever happens between the three.
func testChangedWhileOthersWrite(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	const rounds = 50
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	start, end := s.Info().Position(), store.Position{Revision: 2 * rounds, Proofs: 1}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for at := start; ; {
				changed := s.Changed()
				events, ok := s.Since(at)
				for _, e := range events {
					ok = ok && e.Position().Compare(at) > 0
					at = e.Position()
				}
				if !ok {
					t.Errorf("lost at %+v: %d events", at, len(events))
					return
				}
				if at == end {
					return
				}
				select {
				case <-changed:
				case <-ctx.Done():
					t.Errorf("slept at %+v, the store is at %+v", at, s.Info().Position())
					return
				}
			}
		})
	}
	for range rounds {
		mustApply(t, s, add(r))
		mustApply(t, s, remove(r))
		prove(t, s, "a")
	}
	readers.Wait()
}

// testProofs: a proof has its place after the revision at which it was stored,
// and takes none.
func testProofs(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{EventChanges: 4})
	know(t, s, "a")
	r, other := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.2.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r), add(other))
	mustApply(t, s, remove(r))
	before := s.Info()
	prove(t, s, "a")
	if at := (store.Position{Revision: 2, Proofs: 1}); s.Info().Position() != at || s.Info().Version != before.Version {
		t.Fatalf("%+v", s.Info())
	}
	wantEvents(t, s, store.Beyond(0), "1", "2", "2+1")
	wantEvents(t, s, store.Position{Revision: 1}, "2", "2+1")
	wantEvents(t, s, store.Position{Revision: 2}, "2+1")
	wantEvents(t, s, store.Position{Revision: 2, Proofs: 1})
	wantEvents(t, s, store.Beyond(2))
	events, _ := s.Since(before.Position())
	if e := events[0]; e.Version != before.Version || e.Time.IsZero() || len(e.Changes) != 1 {
		t.Fatalf("%+v", e)
	}
	if ch := events[0].Changes[0]; ch.Before == nil || !ch.Before.Removed || ch.Before.Route != r || ch.After != nil {
		t.Fatalf("change %+v", ch)
	}
	// Changes and proofs are dropped one by one, the oldest first.
	mustApply(t, s, remove(other))
	wantGone(t, s, store.Beyond(0))
	wantEvents(t, s, store.Position{Revision: 1}, "2", "2+1", "3")
	prove(t, s, "a")
	mustApply(t, s, add(r))
	wantGone(t, s, store.Beyond(1))
	wantEvents(t, s, store.Position{Revision: 2}, "2+1", "3", "3+1", "4")
	mustApply(t, s, remove(r))
	wantGone(t, s, store.Position{Revision: 2})
	wantEvents(t, s, store.Beyond(2), "3", "3+1", "4", "5")
	wantGone(t, s, store.Beyond(6)) // yet to come
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Of the processes before nothing is known, also not how many proofs there were.
	s = openWith(t, b, dir, Settings{})
	wantGone(t, s, store.Position{Revision: 5})
	wantEvents(t, s, store.Beyond(5))
	wantEvents(t, s, s.Info().Position())
	prove(t, s, "a")
	wantEvents(t, s, store.Beyond(5))
	wantEvents(t, s, store.Position{Revision: 5, Proofs: 1}, "5+2")
}

func prove(t *testing.T, s store.Store, node string) {
	t.Helper()
	if err := s.Prove(t.Context(), node, s.Info().Version.Revision, nil); err != nil {
		t.Fatal(err)
	}
}

// wantEvents are the events after a position, as revision or as revision+proofs.
func wantEvents(t *testing.T, s store.Store, after store.Position, want ...string) {
	t.Helper()
	events, ok := s.Since(after)
	var got []string
	for _, e := range events {
		at := fmt.Sprint(e.Version.Revision)
		if e.Proofs > 0 {
			at += fmt.Sprintf("+%d", e.Proofs)
		}
		got = append(got, at)
	}
	if !ok || !slices.Equal(got, want) {
		t.Fatalf("after %+v: %v %v, want %v", after, got, ok, want)
	}
}

func wantGone(t *testing.T, s store.Store, after store.Position) {
	t.Helper()
	if events, ok := s.Since(after); ok {
		t.Fatalf("after %+v: %+v", after, events)
	}
}
