package routes_test

import (
	"bytes"
	"cmp"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
)

func TestRouteRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRoute().Draw(t, "route")
		again, err := routes.New(r.Fields())
		if err != nil || again != r {
			t.Fatalf("fields of %s gave %s, %v", r, again, err)
		}
		parsed, err := routes.Parse(routes.Text{
			Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String(), Metric: int64(r.Metric()),
		})
		if err != nil || parsed != r {
			t.Fatalf("text of %s gave %s, %v", r, parsed, err)
		}
	})
}

func TestKeyEncodingKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genRoute().Draw(t, "a").Key(), genRoute().Draw(t, "b").Key()
		ab, bb := routes.AppendKey(nil, a), routes.AppendKey(nil, b)
		if got, want := bytes.Compare(ab, bb), a.Compare(b); got != want {
			t.Fatalf("bytes order %d, keys order %d: %s, %s", got, want, a, b)
		}
		if (a == b) != bytes.Equal(ab, bb) {
			t.Fatalf("%s and %s: equality differs from their encodings'", a, b)
		}
		back, err := routes.DecodeKey(ab)
		if err != nil || back != a {
			t.Fatalf("decoded %s as %s, %v", a, back, err)
		}
		if !bytes.HasPrefix(ab, routes.AppendDestination(nil, a.Interface, a.Destination)) {
			t.Fatalf("%s does not start with its destination", a)
		}
	})
}

func TestDigestIsOfTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfDistinct(genRoute(), func(r routes.Route) routes.Key { return r.Key() }).Draw(t, "routes")
		whole := routes.DigestOf(list)
		var backwards routes.Digest
		for i := len(list) - 1; i >= 0; i-- {
			backwards = backwards.Add(list[i])
		}
		if whole != backwards {
			t.Fatal("the digest depends on the order")
		}
		if again, err := routes.DigestFromBytes(whole.Bytes()); err != nil || again != whole {
			t.Fatalf("bytes gave %s, %v", again, err)
		}
		for _, r := range list {
			if len(list) > 0 && whole.Remove(r) == whole {
				t.Fatal("removing a route does not change the digest")
			}
			if whole.Remove(r).Add(r) != whole {
				t.Fatal("removing and adding is not neutral")
			}
			f := r.Fields()
			f.Metric = f.Metric%65535 + 1
			other, _ := routes.New(f)
			if whole.Remove(r).Add(other) == whole {
				t.Fatal("the digest does not see the metric")
			}
		}
		empty := whole
		for _, r := range list {
			empty = empty.Remove(r)
		}
		if empty != (routes.Digest{}) {
			t.Fatal("the digest of nothing is not zero")
		}
	})
}

func TestDecisionsKeepKernelKeysApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := map[routes.Key]routes.Record{}
		at := func(r routes.Route) []routes.Record {
			var list []routes.Record
			for _, rec := range stored {
				if rec.Route.Destination() == r.Destination() {
					list = append(list, rec)
				}
			}
			return list
		}
		revision := routes.Revision(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			r := genRoute().Draw(t, "route")
			var d routes.Decision
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "op") {
			case 0:
				d, err = routes.DecideAdd(at(r), r, rapid.Bool().Draw(t, "force"))
			case 1:
				sel := routes.Selector{Interface: r.Interface(), Destination: r.Destination()}
				d, err = routes.DecideSet(at(r), sel, routes.Change{Metric: uint32(r.Metric()), NextHop: r.NextHop()})
			case 2:
				sel := routes.Selector{Interface: r.Interface(), Destination: r.Destination()}
				d, err = routes.DecideRemove(at(r), sel, routes.Removal{All: rapid.Bool().Draw(t, "all")})
			}
			if err == nil {
				err = d.Conflict(at(r))
			}
			if err != nil {
				if routes.ReasonOf(err) == "" {
					t.Fatalf("an error without reason: %v", err)
				}
				continue
			}
			revision++
			for _, rec := range d.Remove {
				delete(stored, rec.Route.Key())
			}
			if !d.Put.IsZero() {
				stored[d.Put.Key()] = routes.Record{Route: d.Put, Revision: revision}
			}
			held := map[routes.FIBKey]routes.Key{}
			for k, rec := range stored {
				fk := routes.FIBKey{Destination: rec.Route.Destination(), Metric: uint32(rec.Route.Metric())}
				if other, ok := held[fk]; ok {
					t.Fatalf("%s and %s hold one kernel key", k, other)
				}
				held[fk] = k
			}
		}
	})
}

func TestCoversAgreesWithAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genRoute().Draw(t, "a").Destination(), genRoute().Draw(t, "b").Destination()
		want := a.Addr().Is4() == b.Addr().Is4() && a.Contains(b.Addr()) && cmp.Compare(a.Bits(), b.Bits()) <= 0
		if routes.Covers(a, b) != want {
			t.Fatalf("Covers(%s, %s) = %v", a, b, !want)
		}
	})
	if routes.Covers(netip.Prefix{}, netip.MustParsePrefix("10.0.0.0/8")) {
		t.Fatal("an invalid prefix covers something")
	}
}
