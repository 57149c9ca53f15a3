package storetest

import (
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func testIdentity(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	first := s.Info().Version
	if first.StoreID == "" || first.Epoch != 1 || first.Revision != 0 || first.Count != 0 || first.Digest != (routes.Digest{}) {
		t.Fatalf("a new store is %+v", first)
	}
	know(t, s, "a")
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	mustApply(t, s, add(r), add(route(t, "10.2.0.0/16", "192.168.20.1", 256)))
	mustApply(t, s, remove(r))
	before, recs := s.Info(), list(t, s, store.Query{Tombstones: true})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	after := s.Info()
	if after.Version != before.Version || after.Removing != before.Removing || after.Version.StoreID != first.StoreID {
		t.Fatalf("reopened as %+v, was %+v", after, before)
	}
	again := list(t, s, store.Query{Tombstones: true})
	for i := range recs {
		if again[i] != recs[i] {
			t.Fatalf("record %+v, was %+v", again[i], recs[i])
		}
	}
	if other := open(t, b); other.Info().Version.StoreID == first.StoreID {
		t.Fatal("two stores have one id")
	}
	wantSound(t, s)
}

func testAdd(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	res := mustApply(t, s, add(r))
	wantOutcome(t, res, routes.Created)
	rec := res.Items[0].After[0]
	if !res.Committed || res.Revision != 1 || rec.Revision != 1 || rec.Created != 1 || rec.Route != r || rec.CreatedBy != "uid:1000" || rec.CreatedTime == 0 || len(res.Items[0].Before) != 0 {
		t.Fatalf("result %+v", res)
	}
	got, err := s.Get(t.Context(), r.Key())
	if err != nil || got != rec {
		t.Fatalf("Get: %+v %v, want %+v", got, err, rec)
	}
	// The same again, also in other letters, changes nothing.
	res = mustApply(t, s, add(parsed(t, routes.Text{Interface: "PORT3", Destination: "10.1.0.0/16", NextHop: "192.168.20.1", Metric: 256})))
	wantOutcome(t, res, routes.Unchanged)
	if res.Revision != 1 || !res.Committed || res.Items[0].After[0] != rec {
		t.Fatalf("result %+v", res)
	}
	res = apply(t, s, add(route(t, "10.1.0.0/16", "192.168.20.1", 10)))
	wantReason(t, refusal(res.Items[0]), routes.AlreadyExists)
	res = apply(t, s, add(parsed(t, routes.Text{Interface: "Port4", Destination: "10.1.0.0/16", NextHop: "192.168.30.1", Metric: 256})))
	wantReason(t, refusal(res.Items[0]), routes.MetricConflict)
	if res.Committed || s.Info().Version.Revision != 1 {
		t.Fatalf("refused, but %+v %+v", res, s.Info())
	}
	wantOutcome(t, mustApply(t, s, add(parsed(t, routes.Text{Interface: "Port4", Destination: "10.1.0.0/16", NextHop: "192.168.30.1", Metric: 300}))), routes.Created)
	_, err = s.Get(t.Context(), route(t, "10.9.0.0/16", "192.168.20.1", 1).Key())
	wantReason(t, err, routes.NotFound)
	wantSound(t, s)
}

func testForce(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	first := mustApply(t, s, add(r)).Items[0].After[0]
	forced := add(parsed(t, routes.Text{Interface: "port3", Destination: "10.1.0.0/16", NextHop: "192.168.20.1", Metric: 10}))
	forced.Force = true
	res := mustApply(t, s, forced)
	wantOutcome(t, res, routes.Updated)
	rec := res.Items[0].After[0]
	if rec.Created != first.Created || rec.CreatedBy != first.CreatedBy || rec.CreatedTime != first.CreatedTime || rec.Revision != 2 || rec.Route.Metric() != 10 || res.Items[0].Before[0] != first {
		t.Fatalf("result %+v", res)
	}
	// Force never settles a conflict with another route.
	mustApply(t, s, add(parsed(t, routes.Text{Interface: "Port4", Destination: "10.1.0.0/16", NextHop: "192.168.30.1", Metric: 300})))
	forced.Route = route(t, "10.1.0.0/16", "192.168.20.1", 300)
	wantReason(t, refusal(apply(t, s, forced).Items[0]), routes.MetricConflict)
	wantSound(t, s)
}

func testSetMetric(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	r := route(t, "2001:db8::/48", "fd00::1", 256)
	first := mustApply(t, s, add(r)).Items[0].After[0]
	res := mustApply(t, s, set(r, routes.Change{Metric: 5, ExpectedRevision: 1}))
	wantOutcome(t, res, routes.Updated)
	rec := res.Items[0].After[0]
	if len(res.Items[0].After) != 1 || rec.Route.Metric() != 5 || rec.Revision != 2 || rec.Created != first.Created || rec.CreatedBy != first.CreatedBy {
		t.Fatalf("result %+v", res)
	}
	if s.Info().Removing != 0 {
		t.Fatal("a change of metric left a tombstone")
	}
	res = mustApply(t, s, set(r, routes.Change{Metric: 5}))
	wantOutcome(t, res, routes.Unchanged)
	if res.Items[0].After[0] != rec || res.Revision != 2 {
		t.Fatalf("result %+v", res)
	}
	wantReason(t, refusal(apply(t, s, set(r, routes.Change{Metric: 6, ExpectedRevision: 1})).Items[0]), routes.RevisionMismatch)
	wantSound(t, s)
}

func testSetNextHop(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	first := mustApply(t, s, add(r)).Items[0].After[0]
	checked := routes.Route{}
	it := set(r, routes.Change{NextHop: hop("192.168.20.2")})
	it.Check = func(next routes.Route) *routes.Error { checked = next; return nil }
	res := mustApply(t, s, it)
	wantOutcome(t, res, routes.Updated)
	rec := res.Items[0].After[0]
	if rec.Route != checked || rec.Route.NextHop() != hop("192.168.20.2") || rec.Created != first.Created || rec.CreatedTime != first.CreatedTime || rec.CreatedBy != first.CreatedBy || rec.Revision != 2 {
		t.Fatalf("result %+v", res)
	}
	// The old key is being removed in the nodes.
	old, err := s.Get(t.Context(), r.Key())
	if err != nil || !old.Removed || old.Revision != 2 || s.Info().Removing != 1 {
		t.Fatalf("the old key is %+v, %v", old, err)
	}
	events, ok := s.Since(store.Beyond(1))
	if !ok || len(events) != 1 || len(events[0].Changes) != 2 {
		t.Fatalf("events %+v", events)
	}
	// Back again: the tombstones change sides.
	wantOutcome(t, mustApply(t, s, set(rec.Route, routes.Change{NextHop: r.NextHop()})), routes.Updated)
	if old, err = s.Get(t.Context(), r.Key()); err != nil || old.Removed || s.Info().Removing != 1 {
		t.Fatalf("%+v, %v", old, err)
	}
	wantSound(t, s)
}

// testAddChecked: the caller's rules judge what would be stored, before other
// routes do, and not what is stored already.
func testAddChecked(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	checked := func(r routes.Route) store.Item {
		it := add(r)
		it.Check = func(got routes.Route) *routes.Error {
			if got != r {
				t.Errorf("%s is checked, not %s", got, r)
			}
			return &routes.Error{Reason: routes.InterfaceNotStatic}
		}
		return it
	}
	wantReason(t, refusal(apply(t, s, checked(r)).Items[0]), routes.InterfaceNotStatic)
	mustApply(t, s, add(r))
	wantOutcome(t, mustApply(t, s, checked(r)), routes.Unchanged)
	wantReason(t, refusal(apply(t, s, checked(route(t, "10.1.0.0/16", "192.168.20.1", 2))).Items[0]), routes.InterfaceNotStatic)
	wantReason(t, refusal(apply(t, s, checked(route(t, "10.1.0.0/16", "192.168.20.2", 1))).Items[0]), routes.InterfaceNotStatic)
	if got := list(t, s, store.Query{}); len(got) != 1 || got[0].Route != r {
		t.Fatalf("refused, but %+v", got)
	}
	wantSound(t, s)
}

func testSetRefused(t *testing.T, b Backend) {
	s := open(t, b)
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.1.0.0/16", "192.168.20.2", 2)
	mustApply(t, s, add(r1), add(r2))
	it := set(r1, routes.Change{Metric: 9})
	it.Selector.NextHop = hop("192.168.20.9")
	wantReason(t, refusal(apply(t, s, it).Items[0]), routes.NotFound)
	it.Selector.NextHop = r1.NextHop()
	it.Check = func(routes.Route) *routes.Error { return &routes.Error{Reason: routes.NextHopNotOnLink} }
	wantReason(t, refusal(apply(t, s, it).Items[0]), routes.NextHopNotOnLink)
	wantReason(t, refusal(apply(t, s, set(r1, routes.Change{Metric: 2})).Items[0]), routes.MetricConflict)
	wantReason(t, refusal(apply(t, s, set(r1, routes.Change{NextHop: r2.NextHop()})).Items[0]), routes.AlreadyExists)
	ambiguous := set(r1, routes.Change{Metric: 9})
	ambiguous.Selector.NextHop = routes.Selector{}.NextHop
	wantReason(t, refusal(apply(t, s, ambiguous).Items[0]), routes.Ambiguous)
	if got := list(t, s, store.Query{}); len(got) != 2 || got[0].Route != r1 || got[1].Route != r2 {
		t.Fatalf("refused, but %+v", got)
	}
	wantSound(t, s)
}

func testRemove(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	wantReason(t, refusal(apply(t, s, remove(r)).Items[0]), routes.NotFound)
	rec := mustApply(t, s, add(r)).Items[0].After[0]
	stale := remove(r)
	stale.Removal.ExpectedRevision = 7
	wantReason(t, refusal(apply(t, s, stale).Items[0]), routes.RevisionMismatch)
	res := mustApply(t, s, remove(r))
	wantOutcome(t, res, routes.Deleted)
	if res.Items[0].Before[0] != rec || len(res.Items[0].After) != 0 || s.Info().Removing != 0 || s.Info().Version.Count != 0 {
		t.Fatalf("result %+v, %+v", res, s.Info())
	}
	// Nobody has to prove it, so it is not there any more.
	wantReason(t, refusal(apply(t, s, remove(r)).Items[0]), routes.NotFound)
	again := remove(r)
	again.Removal.IfExists = true
	if res = mustApply(t, s, again); res.Items[0].Outcome != routes.Unchanged || len(res.Items[0].After) != 0 || res.Revision != 2 {
		t.Fatalf("result %+v", res)
	}
	_, err := s.Get(t.Context(), r.Key())
	wantReason(t, err, routes.NotFound)
	wantSound(t, s)
}

func testRemoveSeveral(t *testing.T, b Backend) {
	s := open(t, b)
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.1.0.0/16", "192.168.20.2", 2)
	other := parsed(t, routes.Text{Interface: "Port4", Destination: "10.1.0.0/16", NextHop: "192.168.30.1", Metric: 3})
	mustApply(t, s, add(r1), add(r2), add(other))
	it := store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: "PORT3", Destination: r1.Destination()}}
	res := apply(t, s, it)
	wantReason(t, refusal(res.Items[0]), routes.Ambiguous)
	it.Removal.All = true
	res = mustApply(t, s, it)
	wantOutcome(t, res, routes.Deleted)
	if got := list(t, s, store.Query{}); len(res.Items[0].Before) != 2 || len(got) != 1 || got[0].Route != other {
		t.Fatalf("%+v left %+v", res, got)
	}
	wantSound(t, s)
}

func testTombstones(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a", "b")
	r := route(t, "10.1.0.0/16", "192.168.20.1", 256)
	mustApply(t, s, add(r))
	res := mustApply(t, s, remove(r))
	tomb := res.Items[0].After[0]
	if !tomb.Removed || tomb.Revision != 2 || tomb.Created != 1 || s.Info().Removing != 1 || s.Info().Version.Count != 0 {
		t.Fatalf("result %+v, %+v", res, s.Info())
	}
	// Removing it again is NOT_FOUND, as once it is proved gone, and names the
	// removal under way; unless the caller says that it may be gone.
	err := refusal(apply(t, s, remove(r)).Items[0])
	wantReason(t, err, routes.NotFound)
	if named := routes.AsError(err, "").Related; len(named) != 1 || named[0] != r.String() {
		t.Fatalf("the removal under way is not named: %v", err)
	}
	wantReason(t, refusal(apply(t, s, set(r, routes.Change{Metric: 5})).Items[0]), routes.NotFound)
	again := remove(r)
	again.Removal.IfExists = true
	res = mustApply(t, s, again)
	wantOutcome(t, res, routes.Unchanged)
	if res.Revision != 2 || res.Items[0].After[0] != tomb {
		t.Fatalf("result %+v", res)
	}
	if got := list(t, s, store.Query{}); len(got) != 0 {
		t.Fatalf("listed %+v", got)
	}
	// Adding the key again supersedes it.
	res = mustApply(t, s, add(r))
	wantOutcome(t, res, routes.Created)
	if rec := res.Items[0].After[0]; rec.Created != 3 || s.Info().Removing != 0 {
		t.Fatalf("result %+v, %+v", res, s.Info())
	}
	events, _ := s.Since(store.Beyond(2))
	if ch := events[0].Changes[0]; ch.Before == nil || !ch.Before.Removed || ch.After == nil || ch.After.Removed {
		t.Fatalf("change %+v", ch)
	}
	wantSound(t, s)
}
