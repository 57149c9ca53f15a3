package storetest

import (
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// force is add with Force: the route's metric becomes that of r.
func force(r routes.Route) store.Item {
	it := add(r)
	it.Force = true
	return it
}

// testSwap changes metrics in one request so that the routes conflict on the
// way but not at the end.
func testSwap(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	const dst = "10.1.0.0/16"
	at := func(hop string, metric int64) routes.Route { return route(t, dst, hop, metric) }
	const h1, h2, h3, h4 = "192.168.20.1", "192.168.20.2", "192.168.20.3", "192.168.20.4"
	mustApply(t, s, add(at(h1, 1)), add(at(h2, 2)), add(at(h3, 3)))
	hold := func(want ...routes.Route) {
		t.Helper()
		wantSound(t, s)
		recs := list(t, s, store.Query{})
		if len(recs) != len(want) {
			t.Fatalf("the store holds %+v, want %v", recs, want)
		}
		for i, rec := range recs {
			if rec.Route != want[i] {
				t.Fatalf("the store holds %s, want %s", rec.Route, want[i])
			}
		}
	}
	res := mustApply(t, s, force(at(h1, 2)), force(at(h2, 1)))
	wantOutcome(t, res, routes.Updated, routes.Updated)
	hold(at(h1, 2), at(h2, 1), at(h3, 3))
	// Both are one event, which the nodes get as one.
	events, ok := s.Since(store.Beyond(1))
	if !ok || len(events) != 1 || len(events[0].Changes) != 2 || s.Info().Removing != 0 {
		t.Fatalf("events %+v, %d removing", events, s.Info().Removing)
	}
	mustApply(t, s, set(at(h1, 2), routes.Change{Metric: 3}), set(at(h2, 1), routes.Change{Metric: 2}), set(at(h3, 3), routes.Change{Metric: 1}))
	hold(at(h1, 3), at(h2, 2), at(h3, 1))
	// A chain ends on what a removal sets free, in whatever order.
	mustApply(t, s, force(at(h1, 2)), force(at(h2, 1)), remove(at(h3, 1)), add(at(h4, 3)))
	hold(at(h1, 2), at(h2, 1), at(h4, 3))
	// What ends in a conflict is refused: without Atomic that item, else all.
	items := []store.Item{force(at(h1, 4)), force(at(h2, 3))}
	res, err := s.Apply(t.Context(), store.Request{Atomic: true, Items: items})
	if err != nil || res.Committed {
		t.Fatalf("%+v %v", res, err)
	}
	hold(at(h1, 2), at(h2, 1), at(h4, 3))
	res = apply(t, s, items...)
	wantOutcome(t, res, routes.Updated)
	wantReason(t, refusal(res.Items[1]), routes.MetricConflict)
	hold(at(h1, 4), at(h2, 1), at(h4, 3))
	// Checking alone gives the same answer and leaves no trace.
	before := s.Info()
	res, err = s.Apply(t.Context(), store.Request{Atomic: true, ValidateOnly: true, Items: []store.Item{force(at(h2, 4)), force(at(h1, 1))}})
	if err != nil || s.Info() != before {
		t.Fatalf("%v, %+v was %+v", err, s.Info(), before)
	}
	wantOutcome(t, res, routes.Updated, routes.Updated)
	// A refused part of the swap leaves the other in conflict.
	refused := force(at(h1, 1))
	refused.Check = func(routes.Route) *routes.Error { return &routes.Error{Reason: routes.ProtectedPrefix} }
	res = apply(t, s, force(at(h2, 4)), refused)
	wantReason(t, refusal(res.Items[0]), routes.MetricConflict)
	wantReason(t, refusal(res.Items[1]), routes.ProtectedPrefix)
	hold(at(h1, 4), at(h2, 1), at(h4, 3))
}
