package storetest

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// fill makes routes of both families on several interfaces, some of them
// removed but not proved gone.
func fill(t *testing.T, s store.Store) []routes.Record {
	t.Helper()
	know(t, s, "a")
	var all []routes.Route
	for _, iface := range []string{"Port3", "port1", "Port 3", "Pört"} {
		for i := range 12 {
			all = append(all, parsed(t, routes.Text{Interface: iface, Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16+i%2).String(), NextHop: "192.168.20.1", Metric: int64(len(all) + 1)}))
			all = append(all, parsed(t, routes.Text{Interface: iface, Destination: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(i)}), 64).String(), NextHop: "fd00::1", Metric: int64(len(all) + 1)}))
		}
		for _, next := range []string{"192.168.20.2", "0.0.0.0"} {
			all = append(all, parsed(t, routes.Text{Interface: iface, Destination: "10.0.0.0/16", NextHop: next, Metric: int64(len(all) + 1)}))
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, r := range all {
		mustApply(t, s, add(r))
	}
	for i, r := range all {
		if i%4 == 0 {
			mustApply(t, s, remove(r))
		}
	}
	var recs []routes.Record
	for _, r := range all {
		rec, err := s.Get(t.Context(), r.Key())
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	slices.SortFunc(recs, func(a, b routes.Record) int { return a.Route.Key().Compare(b.Route.Key()) })
	return recs
}

// expected is the plain reading of a query.
func expected(all []routes.Record, q store.Query) []routes.Record {
	var out []routes.Record
	for _, rec := range all {
		r := rec.Route
		sameAlias := func(alias string) bool { return routes.FoldAlias(alias) == routes.FoldAlias(r.Interface()) }
		switch {
		case rec.Removed && !q.Tombstones,
			len(q.Interfaces) > 0 && !slices.ContainsFunc(q.Interfaces, sameAlias),
			len(q.Destinations) > 0 && !slices.Contains(q.Destinations, r.Destination()),
			len(q.NextHops) > 0 && !slices.Contains(q.NextHops, r.NextHop()),
			len(q.Metrics) > 0 && !slices.Contains(q.Metrics, r.Metric()),
			q.Family == 4 && !r.Destination().Addr().Is4(), q.Family == 6 && r.Destination().Addr().Is4(),
			q.After != (routes.Key{}) && r.Key().Compare(q.After) <= 0:
		default:
			out = append(out, rec)
		}
	}
	return out
}

func testListFilters(t *testing.T, b Backend) {
	s := open(t, b)
	all := fill(t, s)
	for n, q := range queries(all) {
		want := expected(all, q)
		got, more, err := s.List(t.Context(), q)
		if err != nil || more || !slices.Equal(got, want) {
			t.Fatalf("query %d %+v: %d records, want %d (more %v, %v)", n, q, len(got), len(want), more, err)
		}
	}
	wantSound(t, s)
}

func queries(all []routes.Record) []store.Query {
	var out []store.Query
	for _, ifaces := range [][]string{nil, {"PORT3"}, {"port1", "Port3", "PORT1"}, {"Port 3"}, {"PÖRT"}, {"no"}} {
		for _, dests := range [][]netip.Prefix{nil, {prefix("10.0.0.0/16")}, {prefix("2001::/64"), prefix("10.0.0.0/16"), prefix("10.1.0.0/17"), {}}, {prefix("10.99.0.0/16")}} {
			for _, family := range []uint8{0, 4, 6} {
				for _, tombs := range []bool{false, true} {
					q := store.Query{Interfaces: ifaces, Destinations: dests, Family: family, Tombstones: tombs}
					out = append(out, q)
					q.NextHops = []netip.Addr{hop("192.168.20.2"), hop("fd00::1")}
					out = append(out, q)
					q.NextHops, q.Metrics = nil, []uint16{3, 4, 5, 60}
					out = append(out, q)
					q.Metrics, q.After = nil, all[len(all)/2].Route.Key()
					out = append(out, q)
				}
			}
		}
	}
	return out
}

func testListPages(t *testing.T, b Backend) {
	s := open(t, b)
	all := fill(t, s)
	for _, limit := range []int{1, 7, len(all), len(all) + 1} {
		for _, q := range []store.Query{{Tombstones: true}, {}, {Interfaces: []string{"port3"}}, {Family: 6, Tombstones: true}, {Metrics: []uint16{1, 2, 3}}} {
			want := expected(all, q)
			q.Limit = limit
			var got []routes.Record
			for {
				page, more, err := s.List(t.Context(), q)
				if err != nil || len(page) > limit || more && len(page) < limit {
					t.Fatalf("%d records, more %v, %v", len(page), more, err)
				}
				got = append(got, page...)
				if !more {
					break
				}
				q.After = page[len(page)-1].Route.Key()
			}
			if !slices.Equal(got, want) {
				t.Fatalf("pages of %d for %+v: %d records, want %d", limit, q, len(got), len(want))
			}
		}
	}
}

func testSnapshot(t *testing.T, b Backend) {
	s := open(t, b)
	all := fill(t, s)
	for _, tombs := range []bool{false, true} {
		var got []routes.Record
		v, err := s.Snapshot(t.Context(), tombs, func(rec routes.Record) error { got = append(got, rec); return nil })
		if err != nil || v != s.Info().Version || !slices.Equal(got, expected(all, store.Query{Tombstones: tombs})) {
			t.Fatalf("%d records, %+v, %v", len(got), v, err)
		}
	}
	stop := errors.New("enough")
	if _, err := s.Snapshot(t.Context(), false, func(routes.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("error %v", err)
	}
	// A snapshot is one moment: changes made while it is read are not in it.
	n := 0
	v, err := s.Snapshot(t.Context(), false, func(rec routes.Record) error {
		if n++; n == 1 {
			mustApply(t, s, add(route(t, "172.16.0.0/16", "192.168.20.1", 1)))
		}
		return nil
	})
	if err != nil || uint64(n) != v.Count || v.Revision+1 != s.Info().Version.Revision {
		t.Fatalf("%d records of %+v, %v", n, v, err)
	}
}

// testHas asks for what is stored, what is being removed, and neighbours of both.
func testHas(t *testing.T, b Backend) {
	s := open(t, b)
	var keys []routes.Key
	var want []bool
	for i, rec := range fill(t, s) {
		keys, want = append(keys, rec.Route.Key()), append(want, true)
		absent := rec.Route.Key()
		switch i % 3 {
		case 0:
			absent.Interface += "x"
		case 1:
			absent.NextHop = absent.NextHop.Next()
			for slices.ContainsFunc(keys, func(k routes.Key) bool { return k == absent }) || absent.NextHop.String() == "192.168.20.2" {
				absent.NextHop = absent.NextHop.Next()
			}
		default:
			absent = routes.Key{}
		}
		keys, want = append(keys, absent), append(want, false)
	}
	has, err := s.Has(t.Context(), keys)
	if err != nil || !slices.Equal(has, want) {
		t.Errorf("%v %v, want %v", has, err, want)
	}
	if has, err := s.Has(t.Context(), nil); err != nil || len(has) != 0 {
		t.Errorf("of no keys: %v %v", has, err)
	}
}
