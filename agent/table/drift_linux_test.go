package table

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/routes"
)

// other acts on the namespace's routes as another process would.
func other(t testing.TB, protocol uint8) *rtnl.Conn {
	t.Helper()
	c, err := rtnl.Dial(protocol)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func do(t testing.TB, c *rtnl.Conn, kind rtnl.Kind, entries ...routes.FIBEntry) {
	t.Helper()
	var ops []rtnl.Op
	for _, e := range entries {
		ops = append(ops, rtnl.Op{Kind: kind, Entry: e})
	}
	got, err := c.Do(context.Background(), ops, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.State != rtnl.Done {
			t.Fatal(r.Err)
		}
	}
}

func fib(dst, hop string, link int, metric uint32) routes.FIBEntry {
	return routes.FIBEntry{Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Link: int32(link), Metric: metric}
}

func (r *rig) holds(t testing.TB, want ...string) bool { return slices.Equal(r.held(t), want) }

func link(t testing.TB, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func netlinkRoute(e routes.FIBEntry, protocol int) *netlink.Route {
	p := e.Destination
	return &netlink.Route{
		Dst: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
		Gw:  e.NextHop.AsSlice(), LinkIndex: int(e.Link), Priority: int(e.Metric), Protocol: netlink.RouteProtocol(protocol),
	}
}

// both are the routes most tests want, and how held shows them.
func both(t testing.TB) (wants []Want, held []string) {
	return []Want{want(t, "10.1.0.0/16", "10.200.0.2", 256), want(t, "2001:db8:1::/48", "fd00:200::2", 256)},
		[]string{"10.1.0.0/16 10.200.0.2", "2001:db8:1::/48 fd00:200::2"}
}

func TestLinkDownAndUp(t *testing.T) {
	v := testVeth()
	v.Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	for range 3 {
		ok(t, netlink.LinkSetDown(link(t, "v0")))
		// A write that comes before the link's facts is refused with another cause.
		r.wait(t, "both waiting for the link", func() bool {
			down := 0
			for _, e := range r.excs {
				if e.State == routes.Waiting && e.Cause == routes.LinkDown {
					down++
				}
			}
			return down == 2
		})
		ok(t, netlink.LinkSetUp(link(t, "v0")))
		ok(t, v.Assign()) // going down took the IPv6 address
		r.wait(t, "none waiting", func() bool { return len(r.excs) == 0 })
		if !r.holds(t, held...) {
			t.Errorf("kernel holds %v", r.held(t))
		}
	}
}

func TestPeerDownKeepsRoutes(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	writes := r.last.Counters.Writes
	ok(t, netlink.LinkSetDown(link(t, "v1")))
	for _, w := range wants {
		r.becomes(t, w, "LINK_DOWN")
	}
	if !r.holds(t, held...) || r.last.Counters.Writes != writes {
		t.Errorf("carrier loss: %v, %+v, %v", r.held(t), r.last.Counters, r.excs)
	}
}

func TestAddressRemovedAndAdded(t *testing.T) {
	v := testVeth()
	v.Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	for _, s := range v.Addresses {
		addr, err := netlink.ParseAddr(s)
		ok(t, err)
		ok(t, netlink.AddrDel(link(t, "v0"), addr))
	}
	// The last IPv4 address takes the IPv4 route silently; the IPv6 one stays,
	// and leads nowhere.
	r.becomes(t, wants[0], "NIC_NO_ADDRESS")
	r.becomes(t, wants[1], "NIC_NO_ADDRESS", "no IPv6 address")
	ok(t, v.Assign())
	r.wait(t, "none waiting", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, held...) {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

func TestLinkRecreatedWithTheSameMAC(t *testing.T) {
	v := testVeth()
	before := v.Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	v.Remove()
	r.wait(t, "both without a NIC", func() bool {
		return len(r.excs) == 2 && r.excs[wants[0].Route.Key()].Cause == routes.NoNodeNIC
	})
	after := v.Add(t)
	r.wait(t, "none waiting", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, held...) || before == after {
		t.Errorf("kernel holds %v, link %d then %d", r.held(t), before, after)
	}
}

func TestFlushIsRepaired(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	hand := other(t, testProtocol)
	do(t, hand, rtnl.Delete, fib("10.1.0.0/16", "10.200.0.2", index, 256), fib("2001:db8:1::/48", "fd00:200::2", index, 256))
	polltest.Until(t, "repair", func() bool { return r.holds(t, held...) })
	r.wait(t, "count", func() bool { return r.last.Counters.Repairs == 2 })
}

// TestHandDeletions prints the latency, which depends on the machine.
func TestHandDeletions(t *testing.T) {
	for _, n := range []int{1000, 100_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			index := testVeth().Add(t)
			r := run(t, Options{})
			all := manyWants(t, n)
			r.set(t, all...)
			hand := other(t, testProtocol)
			watch, err := rtnl.Subscribe(0)
			ok(t, err)
			defer watch.Close()
			var lat []time.Duration
			var events []rtnl.Event
			for i := range 500 {
				w := all[i*(n/500)].Route
				e := routes.FIBEntry{Destination: w.Destination(), NextHop: w.NextHop(), Link: int32(index), Metric: 256}
				start := time.Now()
				do(t, hand, rtnl.Delete, e)
				for back := false; !back; {
					events, err = watch.Next(events[:0])
					ok(t, err)
					for _, ev := range events {
						back = back || ev.Kind == rtnl.RouteAdded && ev.Route.FIBEntry == e
					}
				}
				lat = append(lat, time.Since(start))
			}
			slices.Sort(lat)
			t.Logf("repair of 500 hand deletions among %d: p50 %v p99 %v max %v", n, lat[250], lat[495], lat[499])
			if len(r.held(t)) != n {
				t.Errorf("kernel holds %d of %d", len(r.held(t)), n)
			}
		})
	}
}

func TestManyRoutesBackAfterLinkFlap(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	r.set(t, manyWants(t, 10_000)...)
	ok(t, netlink.LinkSetDown(link(t, "v0")))
	r.wait(t, "all waiting", func() bool { return len(r.excs) == 10_000 })
	start := time.Now()
	ok(t, netlink.LinkSetUp(link(t, "v0")))
	up := time.Now()
	polltest.Until(t, "10000 routes", func() bool {
		n := 0
		ok(t, r.k.List(context.Background(), func(kernel.Route) { n++ }))
		return n == 10_000
	})
	back := time.Since(up)
	r.wait(t, "none waiting", func() bool { return len(r.excs) == 0 })
	t.Logf("10000 routes back %v after the link was up (which took %v), reported after %v", back, up.Sub(start), time.Since(up))
}

func TestBurstLosesNothing(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	burst(t, index)
	polltest.Until(t, "repair after a burst", func() bool { return r.holds(t, held...) })
	r.apply(t, nil)
	t.Logf("%d overruns, %d resyncs", r.last.Counters.Overruns, r.last.Counters.Resyncs)
}

// burst makes 120,000 changes, more than a subscription of the default size
// holds, with the deletion of our routes among them.
func burst(t testing.TB, index int) {
	foreign := other(t, 4)
	var burst []routes.FIBEntry
	for i := range 60_000 {
		a := netip.AddrFrom4([4]byte{60 + byte(i>>16), byte(i >> 8), byte(i), 0})
		burst = append(burst, routes.FIBEntry{Destination: netip.PrefixFrom(a, 24), NextHop: netip.MustParseAddr("10.200.0.3"), Link: int32(index), Metric: 5})
	}
	do(t, foreign, rtnl.Add, burst...)
	do(t, other(t, testProtocol), rtnl.Delete, fib("10.1.0.0/16", "10.200.0.2", index, 256), fib("2001:db8:1::/48", "fd00:200::2", index, 256))
	do(t, foreign, rtnl.Delete, burst...)
}

func TestRestartWithEverythingRightWritesNothing(t *testing.T) {
	testVeth().Add(t)
	wants, _ := both(t)
	first := run(t, Options{})
	first.set(t, append(wants, manyWants(t, 2000)...)...)
	second := run(t, Options{})
	second.set(t, append(wants, manyWants(t, 2000)...)...)
	if w := second.last.Counters.Writes; w != 0 || second.last.Programmed != 2002 {
		t.Errorf("%d writes, %d programmed", w, second.last.Programmed)
	}
}

func TestNothingIsDeletedBeforeTheFirstSet(t *testing.T) {
	index := testVeth().Add(t)
	do(t, other(t, testProtocol), rtnl.Add, fib("10.9.0.0/16", "10.200.0.2", index, 256))
	r := run(t, Options{})
	wants, held := both(t)
	r.apply(t, wants)
	if got := r.held(t); !slices.Equal(got, append(slices.Clone(held[:1]), "10.9.0.0/16 10.200.0.2", held[1])) {
		t.Errorf("after a delta: %v", got)
	}
	r.set(t, wants...)
	if !r.holds(t, held...) {
		t.Errorf("after a set: %v", r.held(t))
	}
	r.set(t)
	if !r.holds(t) {
		t.Errorf("after the empty set: %v", r.held(t))
	}
}

func TestDumpsUnderIPv6Churn(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{ResyncInterval: 20 * time.Millisecond})
	var wants []Want
	for i := range 2000 {
		wants = append(wants, want(t, fmt.Sprintf("2001:db8:%x::/48", i), "fd00:200::2", 256))
	}
	r.set(t, wants...)
	before := r.last.Counters
	foreign, changes := other(t, 4), 0
	for begun := time.Now(); r.last.Counters.Resyncs < before.Resyncs+20; {
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d resyncs within a minute, was %d", r.last.Counters.Resyncs, before.Resyncs)
		}
		for i := range 50 {
			e := fib(fmt.Sprintf("2001:db8:%x:1::/64", i*40), "fd00:200::3", index, 5)
			do(t, foreign, rtnl.Add, e)
			do(t, foreign, rtnl.Delete, e)
			changes += 2
		}
		r.apply(t, nil) // for its report
	}
	c := r.last.Counters
	t.Logf("%d foreign changes, %d resyncs of 2000 routes", changes, c.Resyncs)
	if c.Repairs != 0 || c.Writes != before.Writes {
		t.Errorf("wrong repairs: %+v, writes before %d", c, before.Writes)
	}
}
