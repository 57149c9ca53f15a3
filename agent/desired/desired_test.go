package desired

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
)

func genRoute() *rapid.Generator[routes.Route] {
	return rapid.Custom(func(t *rapid.T) routes.Route {
		f := routes.Fields{
			Interface: rapid.SampledFrom([]string{"Port3", "port3", "Port4"}).Draw(t, "port"),
			Metric:    rapid.Uint32Range(1, 3).Draw(t, "metric"),
		}
		n := rapid.IntRange(0, 3).Draw(t, "destination")
		hop := rapid.IntRange(0, 2).Draw(t, "hop")
		if rapid.Bool().Draw(t, "ipv6") {
			f.Destination, f.NextHop = netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", n)), netip.MustParseAddr(fmt.Sprintf("2001:db8:ff::%d", hop))
			if hop == 0 {
				f.NextHop = netip.IPv6Unspecified()
			}
		} else {
			f.Destination, f.NextHop = netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", n)), netip.MustParseAddr(fmt.Sprintf("192.168.0.%d", hop+1))
		}
		r, err := routes.New(f)
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

func model(m map[routes.Key]routes.Route) routes.Digest {
	return routes.DigestOf(slices.Collect(maps.Values(m)))
}

// TestSetAgainstMap compares the compact set with a plain map, also where most
// keys have the same hash.
func TestSetAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, want := NewSet(0), map[routes.Key]routes.Route{}
		set.mask = rapid.SampledFrom([]uint64{^uint64(0), 1, 0}).Draw(t, "mask")
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				r := genRoute().Draw(t, "route")
				if before, held := set.Put(r), want[r.Key()]; before.Key() != held.Key() || before.Metric() != held.Metric() {
					t.Fatalf("Put returned %v, want %v", before, held)
				}
				want[r.Key()] = r
			},
			"remove": func(t *rapid.T) {
				k := genRoute().Draw(t, "route").Key()
				if before, held := set.Remove(k), want[k]; before.Key() != held.Key() || before.Metric() != held.Metric() {
					t.Fatalf("Remove returned %v, want %v", before, held)
				}
				delete(want, k)
			},
			"": func(t *rapid.T) {
				if set.Len() != len(want) || set.Digest() != model(want) {
					t.Fatalf("%d routes, digest %s; want %d, %s", set.Len(), set.Digest(), len(want), model(want))
				}
				n := 0
				for r := range set.All() {
					if n++; want[r.Key()].Metric() != r.Metric() {
						t.Fatalf("All yields %v, want %v", r, want[r.Key()])
					}
				}
				if n != len(want) {
					t.Fatalf("All yields %d routes of %d", n, len(want))
				}
				for k, r := range want {
					if got, held := set.Get(k); !held || got.Metric() != r.Metric() {
						t.Fatalf("Get(%v) is %v, %v; want %v", k, got, held, r)
					}
				}
			},
		})
	})
}

// TestFill proves that routes put in together make the same set as one by one,
// and that one that comes twice is noticed.
func TestFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(genRoute()).Draw(t, "routes")
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		filled, put := NewSet(0), NewSet(0)
		for _, r := range list {
			put.Put(r)
		}
		fine := filled.Fill(list[:cut], routes.DigestOf(list[:cut])) && filled.Fill(list[cut:], routes.DigestOf(list[cut:]))
		if fine != (put.Len() == len(list)) {
			t.Fatalf("%d routes of %d keys: %v", len(list), put.Len(), fine)
		}
		same := func(a, b routes.Route) bool { return a.Key() == b.Key() && a.Metric() == b.Metric() }
		if fine && (filled.Digest() != put.Digest() || !slices.EqualFunc(slices.Collect(filled.All()), slices.Collect(put.All()), same)) {
			t.Fatal("the sets are not the same")
		}
	})
}

// TestApplyIsAtomic proves that a change that does not fit leaves no trace.
func TestApplyIsAtomic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, want := NewSet(0), map[routes.Key]routes.Route{}
		for _, r := range rapid.SliceOfN(genRoute(), 0, 8).Draw(t, "held") {
			set.Put(r)
			want[r.Key()] = r
		}
		version := routes.Version{StoreID: "s", Epoch: 1, Revision: 7, Count: uint64(set.Len()), Digest: set.Digest()}
		s := State{Version: version, Set: set}
		c := Change{From: 7, Upserts: rapid.SliceOfN(genRoute(), 0, 8).Draw(t, "upserts"), Version: version}
		for _, r := range rapid.SliceOfN(genRoute(), 0, 8).Draw(t, "removals") {
			c.Removals = append(c.Removals, r.Key())
		}
		next := maps.Clone(want)
		for _, k := range c.Removals {
			delete(next, k)
		}
		for _, r := range c.Upserts {
			next[r.Key()] = r
		}
		c.Version.Revision, c.Version.Count, c.Version.Digest = 8, uint64(len(next)), model(next)
		bad := c
		bad.Version.Digest[0]++
		if err := s.Apply(bad); !errors.Is(err, errMismatch) {
			t.Fatalf("a wrong digest: %v", err)
		}
		if s.Version != version || s.Verify() != nil || set.Digest() != model(want) {
			t.Fatalf("the refused change left a trace")
		}
		if err := s.Apply(c); err != nil {
			t.Fatal(err)
		}
		if s.Version != c.Version {
			t.Fatalf("version %v", s.Version)
		}
		if err := s.Apply(c); !errors.Is(err, errMismatch) {
			t.Fatalf("the same change again: %v", err)
		}
	})
}

// TestSetKeepsOrder proves that routes are yielded as they came: the kernel
// takes routes in the order of their destinations faster.
func TestSetKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := NewSet(0)
		came := rapid.SliceOfDistinct(genRoute(), routes.Route.Key).Draw(t, "routes")
		for _, r := range came {
			set.Put(r)
		}
		if got := slices.Collect(set.All()); !slices.EqualFunc(got, came, func(a, b routes.Route) bool { return a.Key() == b.Key() }) {
			t.Fatalf("%v, want %v", got, came)
		}
	})
}
