package storetest

import (
	"context"
	"errors"
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
	events, ok := s.Since(0)
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
		if e.Version.Revision != routes.Revision(i+1) || e.Version.Digest != digest || e.Sequence != uint64(i+1) || e.Time.IsZero() {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if events, ok = s.Since(2); !ok || len(events) != 1 || events[0].Version.Revision != 3 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if events, ok = s.Since(3); !ok || len(events) != 0 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if _, ok = s.Since(4); ok {
		t.Fatal("a revision that does not exist yet has events")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	if _, ok = s.Since(2); ok {
		t.Fatal("events of the process before")
	}
	if events, ok = s.Since(3); !ok || len(events) != 0 {
		t.Fatalf("%+v, %v", events, ok)
	}
}

func testSinceBounded(t *testing.T, b Backend) {
	s := openWith(t, b, t.TempDir(), Settings{EventChanges: 4})
	var items []store.Item
	for i := range 6 {
		r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
		next, _ := r.WithMetric(uint32(i + 1))
		it := add(next)
		it.Force = true
		mustApply(t, s, it)
		items = append(items, add(route(t, "10.2.0.0/16", "192.168.20."+string(rune('1'+i)), int64(i+1))))
	}
	if _, ok := s.Since(1); ok {
		t.Fatal("more than 4 changes were kept")
	}
	if events, ok := s.Since(2); !ok || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), ok)
	}
	// The newest request is kept however large it is.
	mustApply(t, s, items...)
	if events, ok := s.Since(6); !ok || len(events) != 1 || len(events[0].Changes) != 6 {
		t.Fatalf("%+v, %v", events, ok)
	}
	if _, ok := s.Since(5); ok {
		t.Fatal("more was kept")
	}
	if _, ok, err := s.Follow(t.Context(), 3); ok || err != nil {
		t.Fatalf("followed what is gone: %v %v", ok, err)
	}
}

func testAwait(t *testing.T, b Backend) {
	s := open(t, b)
	mustApply(t, s, add(route(t, "10.1.0.0/16", "192.168.20.1", 1)))
	if err := s.Await(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Await(ctx, 1) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	go func() { done <- s.Await(t.Context(), 1) }()
	mustApply(t, s, add(route(t, "10.2.0.0/16", "192.168.20.1", 1)))
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Await slept over a change")
	}
}

func testFollow(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r))
	mustApply(t, s, remove(r))
	before := s.Info()
	got := make(chan []store.Event)
	go func() {
		events, ok, err := s.Follow(t.Context(), before.Sequence)
		if !ok || err != nil {
			t.Errorf("Follow: %v %v", ok, err)
		}
		got <- events
	}()
	if err := s.Prove(t.Context(), "a", 2, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case events := <-got:
		e := events[0]
		if len(events) != 1 || !e.Proof || e.Version != before.Version || e.Sequence != before.Sequence+1 || len(e.Changes) != 1 {
			t.Fatalf("events %+v", events)
		}
		if ch := e.Changes[0]; ch.Before == nil || !ch.Before.Removed || ch.After != nil {
			t.Fatalf("change %+v", ch)
		}
	case <-time.After(patience):
		t.Fatal("Follow slept over a proof")
	}
	for after, want := range map[routes.Revision]uint64{1: before.Sequence - 1, 2: before.Sequence} {
		if sequence, ok := s.Position(after); !ok || sequence != want {
			t.Fatalf("the position after %d is %d %v, want %d", after, sequence, ok, want)
		}
	}
	for _, after := range []routes.Revision{0, 3} { // before the first of this process, and yet to come
		if sequence, ok := s.Position(after); ok {
			t.Fatalf("the position after %d is %d", after, sequence)
		}
	}
	// Proofs have no revision of their own, so Since does not know them.
	if events, ok := s.Since(2); !ok || len(events) != 0 {
		t.Fatalf("%+v %v", events, ok)
	}
	if events, ok := s.Since(0); !ok || len(events) != 2 {
		t.Fatalf("%+v %v", events, ok)
	}
	if events, ok, err := s.Follow(t.Context(), 0); !ok || err != nil || len(events) != 3 {
		t.Fatalf("%+v %v %v", events, ok, err)
	}
	if _, ok, err := s.Follow(t.Context(), 99); ok || err != nil {
		t.Fatalf("followed the future: %v %v", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Follow(ctx, s.Info().Sequence); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}
