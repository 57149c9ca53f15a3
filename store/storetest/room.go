package storetest

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const crowded = "10.1.0.0/16"

// nth are as many routes to one destination as one asks for.
func nth(t testing.TB, n int) routes.Route {
	return route(t, crowded, fmt.Sprintf("192.168.%d.%d", 20+n/250, 1+n%250), int64(n+1))
}

// testRoom: what is being removed keeps its place at a destination until the nodes have
// proved it gone. What needs no place is carried out.
func testRoom(t *testing.T, b Backend) {
	s := open(t, b)
	const places = routes.MaxPerDestination
	full := func(it store.Item) {
		t.Helper()
		before := s.Info()
		wantReason(t, refusal(apply(t, s, it).Items[0]), routes.DestinationFull)
		res, err := s.Apply(t.Context(), store.Request{Atomic: true, ValidateOnly: true, Items: []store.Item{it}})
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, refusal(res.Items[0]), routes.DestinationFull)
		if after := s.Info(); after.Version != before.Version || after.Removing != before.Removing {
			t.Fatalf("refused, but %+v was %+v", after, before)
		}
	}
	var items []store.Item
	for n := range places {
		items = append(items, add(nth(t, n)))
	}
	mustApply(t, s, items...)
	further := nth(t, places)
	full(add(further))
	full(force(further))
	mustApply(t, s, add(nth(t, 0)), force(route(t, crowded, "192.168.20.1", 900)), set(nth(t, 1), routes.Change{Metric: 901}))
	mustApply(t, s, add(route(t, "10.2.0.0/16", "192.168.20.1", 1)))
	// No node is known, so a route that leaves has left.
	mustApply(t, s, set(nth(t, 2), routes.Change{NextHop: further.NextHop()}))
	full(add(nth(t, 2)))
	mustApply(t, s, remove(nth(t, 1)))
	mustApply(t, s, add(nth(t, 2+places)))

	know(t, s, "a")
	full(set(nth(t, 3), routes.Change{NextHop: nth(t, 3+places).NextHop()}))
	removed := mustApply(t, s, remove(nth(t, 3))).Revision
	full(add(nth(t, 3+places)))
	// It comes back to the place that it still has.
	mustApply(t, s, add(nth(t, 3)))
	full(add(nth(t, 3+places)))
	removed = max(removed, mustApply(t, s, remove(nth(t, 4))).Revision)
	if err := s.Prove(t.Context(), "a", removed, nil); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, add(nth(t, 3+places)))
	full(add(nth(t, 4)))
	if got := list(t, s, store.Query{Destinations: []netip.Prefix{prefix(crowded)}}); len(got) != places {
		t.Fatalf("%d routes", len(got))
	}
	wantSound(t, s)
}

// testRoomIsJudgedInOrder: each item of a request finds the room that those before it
// leave, also where conflicts of metrics are judged by how the request ends.
func testRoomIsJudgedInOrder(t *testing.T, b Backend) {
	s := open(t, b)
	const places = routes.MaxPerDestination
	var items []store.Item
	for n := range places + 10 {
		items = append(items, add(nth(t, n)))
	}
	res, err := s.Apply(t.Context(), store.Request{Atomic: true, Items: items})
	if err != nil || res.Committed || s.Info().Version.Count != 0 {
		t.Fatalf("%v, committed %v, %d routes", err, res.Committed, s.Info().Version.Count)
	}
	res = apply(t, s, items...)
	for i, it := range res.Items {
		if i < places {
			wantReason(t, refusal(it), "")
		} else {
			wantReason(t, refusal(it), routes.DestinationFull)
		}
	}
	// Without a node to wait for, a removal makes room for what comes after it.
	res = apply(t, s, add(nth(t, places)), remove(nth(t, 0)), add(nth(t, places+1)))
	wantReason(t, refusal(res.Items[0]), routes.DestinationFull)
	wantReason(t, refusal(res.Items[2]), "")

	// The second route's new next hop finds no room, so the first cannot have its metric.
	know(t, s, "a")
	one, two := nth(t, 1), nth(t, 2)
	res = apply(t, s, set(one, routes.Change{Metric: uint32(two.Metric())}), set(two, routes.Change{NextHop: nth(t, places+2).NextHop(), Metric: 900}))
	wantReason(t, refusal(res.Items[0]), routes.MetricConflict)
	wantReason(t, refusal(res.Items[1]), routes.DestinationFull)
	if got := list(t, s, store.Query{Destinations: []netip.Prefix{prefix(crowded)}}); len(got) != places || got[0].Route != one || got[1].Route != two {
		t.Fatalf("%d routes, %+v", len(got), got[:2])
	}
	wantSound(t, s)
}
