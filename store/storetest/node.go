package storetest

import (
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func testNodes(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	ctx := t.Context()
	since := time.Unix(1_700_000_000, 5)
	if err := s.Know(ctx, store.KnownNode{ID: "b", Name: "worker", Since: since}); err != nil {
		t.Fatal(err)
	}
	know(t, s, "a")
	// Known already: its first session counts, the name is the newest.
	if err := s.Know(ctx, store.KnownNode{ID: "b", Name: "worker-1", Since: since.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, s.Know(ctx, store.KnownNode{}), routes.BadRequest)
	check := func() {
		t.Helper()
		nodes, err := s.KnownNodes(ctx)
		if err != nil || len(nodes) != 2 || nodes[0].ID != "a" || nodes[0].Since.IsZero() || nodes[1].Name != "worker-1" || !nodes[1].Since.Equal(since) {
			t.Fatalf("%+v %v", nodes, err)
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	check()
	if v := s.Info().Version; v.Revision != 0 {
		t.Fatalf("a known node is no change of the routes, but %+v", v)
	}
}

func testProve(t *testing.T, b Backend) {
	s := open(t, b)
	ctx := t.Context()
	prove := func(node string, upTo routes.Revision, except ...routes.Key) {
		t.Helper()
		left := map[routes.Key]struct{}{}
		for _, k := range except {
			left[k] = struct{}{}
		}
		if err := s.Prove(ctx, node, upTo, left); err != nil {
			t.Fatal(err)
		}
		wantSound(t, s)
	}
	want := func(n uint64) {
		t.Helper()
		if got := s.Info().Removing; got != n {
			t.Fatalf("%d tombstones, want %d", got, n)
		}
	}
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.2.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r1), add(r2))
	know(t, s, "a", "b")
	mustApply(t, s, remove(r1))
	mustApply(t, s, remove(r2))
	know(t, s, "c") // it never had the routes
	prove("a", 1)
	want(2)
	prove("a", 3)
	prove("a", 3)
	prove("c", 3)
	prove("nobody", 3)
	want(2)
	prove("b", 3, r1.Key())
	want(1)
	if rec, err := s.Get(ctx, r1.Key()); err != nil || !rec.Removed {
		t.Fatalf("%+v %v", rec, err)
	}
	// Removed again, it has to be proved again.
	mustApply(t, s, add(r1))
	mustApply(t, s, remove(r1))
	prove("b", 4)
	prove("a", 4)
	prove("c", 4)
	want(1)
	v := s.Info().Version
	prove("a", 5)
	prove("b", 5)
	want(1)
	prove("c", 5)
	want(0)
	if s.Info().Version != v {
		t.Fatalf("a proof changed the version %+v to %+v", v, s.Info().Version)
	}
}

func testForget(t *testing.T, b Backend) {
	s := open(t, b)
	ctx := t.Context()
	know(t, s, "a", "b")
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r))
	mustApply(t, s, remove(r))
	wantReason(t, s.Forget(ctx, "nobody", caller()), routes.NotFound)
	if err := s.Prove(ctx, "a", 2, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(ctx, "b", caller()); err != nil {
		t.Fatal(err)
	}
	if s.Info().Removing != 0 {
		t.Fatal("a forgotten node is still waited for")
	}
	wantReason(t, s.Forget(ctx, "b", caller()), routes.NotFound)
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 1})
	if err != nil || recs[0].Action != "forget-node" || recs[0].Caller != caller() {
		t.Fatalf("%+v %v", recs, err)
	}
	if err := s.Forget(ctx, "a", caller()); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, add(r))
	mustApply(t, s, remove(r))
	if s.Info().Removing != 0 {
		t.Fatal("nobody is known, but somebody is waited for")
	}
	wantSound(t, s)
}

func testEpoch(t *testing.T, b Backend) {
	s := open(t, b)
	ctx := t.Context()
	mustApply(t, s, add(route(t, "10.1.0.0/16", "192.168.20.1", 1)))
	before := s.Info().Version
	if err := s.RaiseEpoch(ctx, 6, caller()); err != nil {
		t.Fatal(err)
	}
	v := s.Info().Version
	if v.Epoch != 7 || v.Revision != 2 || v.Count != 1 || v.Digest != before.Digest || v.StoreID != before.StoreID || !v.Newer(before) {
		t.Fatalf("%+v", v)
	}
	events, ok := s.Since(store.Beyond(1))
	if !ok || len(events) != 1 || len(events[0].Changes) != 0 || events[0].Version != v {
		t.Fatalf("%+v %v", events, ok)
	}
	if err := s.RaiseEpoch(ctx, 2, caller()); err != nil || s.Info().Version != v {
		t.Fatalf("%v %+v", err, s.Info().Version)
	}
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 1})
	if err != nil || recs[0].Action != "raise-epoch" || recs[0].Revision != 2 {
		t.Fatalf("%+v %v", recs, err)
	}
	wantSound(t, s)
}
