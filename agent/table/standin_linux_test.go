package table

import (
	"fmt"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// standInCases are the two families: a destination, a next hop, another, one
// that no network of the NIC has, and the address that brings that network.
func standInCases(t *testing.T, test func(t *testing.T, dst, hop, second, far, net string)) {
	t.Run("IPv4", func(t *testing.T) { test(t, "10.1.0.0/16", "10.200.0.2", "10.200.0.3", "10.99.0.2", "10.99.0.1/24") })
	t.Run("IPv6", func(t *testing.T) {
		test(t, "2001:db8:1::/48", "fd00:200::2", "fd00:200::3", "fd00:99::2", "fd00:99::1/64")
	})
}

// hopsHeld are our routes in the kernel, as "hop metric".
func (r *rig) hopsHeld(t testing.TB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	ok(t, r.k.List(t.Context(), func(e rtnl.Route) { all[fmt.Sprintf("%s %d", e.NextHop, e.Metric)] = true }))
	return all
}

func (r *rig) wantHops(t testing.TB, hops ...string) {
	t.Helper()
	got := r.hopsHeld(t)
	for _, h := range hops {
		if !got[h] {
			t.Errorf("the kernel lacks %s, it holds %v", h, got)
		}
	}
	if len(got) != len(hops) {
		t.Errorf("the kernel holds %v, want %v", got, hops)
	}
}

// TestMetricThatIsTakenKeepsTheRoute: a metric that another manager's route
// holds does not cost the route that works; it leaves when the new one is there.
func TestMetricThatIsTakenKeepsTheRoute(t *testing.T) {
	standInCases(t, func(t *testing.T, dst, hop, second, _, _ string) {
		index := testVeth().Add(t)
		foreign, theirs := other(t, foreignProtocol), fib(dst, second, index, 20)
		do(t, foreign, rtnl.Add, theirs)
		r := run(t, Options{})
		before, after := want(t, dst, hop, 10), want(t, dst, hop, 20)
		r.set(t, before)
		w := watchFrom(t, before)
		for _, change := range []func(){
			func() { r.apply(t, []Want{after}) },
			func() { r.set(t, after) },
			func() { r.stop(); r = run(t, Options{}); r.set(t, after) },
		} {
			change()
			r.wantHops(t, hop+" 10")
			r.wantException(t, after, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "proto static", "metric 10 stays")
		}
		do(t, foreign, rtnl.Delete, theirs)
		w.until(t, after)
		r.plain(t, []Want{after})
	})
}

// TestNextHopThatIsRefusedKeepsTheRoute: a next hop that the kernel does not
// take does not cost the route that works, which is not called gone meanwhile.
func TestNextHopThatIsRefusedKeepsTheRoute(t *testing.T) {
	standInCases(t, func(t *testing.T, dst, hop, _, far, net string) {
		testVeth().Add(t)
		r := run(t, Options{})
		before, after := want(t, dst, hop, 10), want(t, dst, far, 10)
		r.set(t, before)
		w := watchFrom(t, before)
		r.apply(t, []Want{after}, before.Route.Key())
		r.wantHops(t, hop+" 10")
		r.wantException(t, after, Exception{State: routes.Waiting, Cause: routes.NextHopUnreachable}, hop, "stays")
		r.wantException(t, before, Exception{State: routes.Removing, Cause: routes.InProgress}, far)
		addr, err := netlink.ParseAddr(net)
		ok(t, err)
		ok(t, netlink.AddrAdd(link(t, "v0"), addr))
		w.until(t, after)
		r.wait(t, "both to be reported", func() bool { return len(r.excs) == 0 })
	})
}

// TestStandInEnds: what stands in for a route goes with it, is the route again
// where the change is taken back, and a removal by itself is no change.
func TestStandInEnds(t *testing.T) {
	standInCases(t, func(t *testing.T, dst, hop, second, far, _ string) {
		index := testVeth().Add(t)
		r := run(t, Options{})
		before, after := want(t, dst, hop, 10), want(t, dst, far, 10)
		change := func() {
			t.Helper()
			r.set(t, before)
			r.apply(t, []Want{after}, before.Route.Key())
			r.wantHops(t, hop+" 10")
		}
		gone := func() {
			t.Helper()
			r.wait(t, "its end to be reported", func() bool { return len(r.excs) == 0 })
		}
		change()
		r.apply(t, nil, after.Route.Key())
		r.wantHops(t)
		gone()
		change()
		r.apply(t, []Want{before}, after.Route.Key())
		r.wantHops(t, hop+" 10")
		gone()
		r.set(t, before, after)
		r.apply(t, nil, before.Route.Key())
		r.wantHops(t)

		// A desired route with its kernel key takes its place.
		foreign, theirs := other(t, foreignProtocol), fib(dst, second, index, 30)
		do(t, foreign, rtnl.Add, theirs)
		kept, changed := want(t, dst, second, 20), want(t, dst, second, 30)
		r.set(t, before, kept)
		r.apply(t, []Want{want(t, dst, hop, 20), changed})
		r.wantHops(t, hop+" 20")
		do(t, foreign, rtnl.Delete, theirs)
		r.wait(t, "the metric to be free", func() bool { return r.excs[changed.Route.Key()].State != routes.Failed })
		r.wantHops(t, hop+" 20", second+" 30")
	})
}

// TestStandInThatWins: a route that a stand-in goes before is no winner.
func TestStandInThatWins(t *testing.T) {
	standInCases(t, func(t *testing.T, dst, hop, second, _, _ string) {
		index := testVeth().Add(t)
		foreign, theirs := other(t, foreignProtocol), fib(dst, second, index, 30)
		do(t, foreign, rtnl.Add, theirs)
		r := run(t, Options{})
		kept := want(t, dst, second, 20)
		r.set(t, want(t, dst, hop, 10), kept)
		r.apply(t, []Want{want(t, dst, hop, 30)})
		r.wantHops(t, hop+" 10", second+" 20")
		r.wantException(t, kept, Exception{State: routes.Programmed, Condition: routes.Standby}, "metric 10")
	})
}
