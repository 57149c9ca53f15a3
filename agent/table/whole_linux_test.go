package table

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/routes"
)

// whole is what the kernel holds for a destination, of every protocol: the
// routes that are not plain are shown with their traits.
func (r *rig) whole(t testing.TB, dst string) []string {
	t.Helper()
	all := []string{}
	ok(t, r.k.Survey(context.Background(), func(o kernel.Route) {
		if o.Destination.String() != dst {
			return
		}
		s := o.NextHop.String()
		if !o.Plain() {
			s += " with " + o.Traits.String()
		}
		all = append(all, s)
	}))
	slices.Sort(all)
	return slices.Compact(all)
}

// just waits until the kernel has our plain routes, and nothing else, for the
// destinations of both.
func (r *rig) just(t testing.TB, wants []Want) {
	t.Helper()
	for _, w := range wants {
		dst, hop := w.Route.Destination().String(), w.Route.NextHop().String()
		polltest.Until(t, "just ours to "+dst, func() bool { return slices.Equal(r.whole(t, dst), []string{hop}) })
	}
}

// TestHopsOfAnotherInOurIPv6Group: Linux describes all hops of one kernel key
// under the protocol of one of them.
func TestHopsOfAnotherInOurIPv6Group(t *testing.T) {
	index := testVeth().Add(t)
	dst := "2001:db8:1::/48"
	w := want(t, dst, "fd00:200::2", 256)
	ours, theirs := fib(dst, "fd00:200::2", index, 256), fib(dst, "fd00:200::9", index, 256)
	r := run(t, Options{})
	r.set(t, w)
	programmed := func() bool { return r.excs[w.Route.Key()].State != routes.Failed && r.last.Programmed == 1 }

	ok(t, netlink.RouteAppend(netlinkRoute(theirs, foreignProtocol)))
	r.apply(t, nil) // what was announced has been taken
	if !programmed() {
		t.Errorf("beside theirs: %+v", r.excs)
	}
	// Both go under one name; theirs does not come back.
	ok(t, netlink.RouteDel(&netlink.Route{Dst: netlinkRoute(ours, 0).Dst, Priority: 256, Scope: unix.RT_SCOPE_NOWHERE}))
	r.just(t, []Want{w})
	r.wait(t, "ours again", programmed)

	// Without ours the key is theirs; with theirs gone, ours comes back.
	ok(t, netlink.RouteAppend(netlinkRoute(theirs, foreignProtocol)))
	do(t, other(t, testProtocol), rtnl.Delete, ours)
	r.wait(t, "conflict", func() bool { return r.excs[w.Route.Key()].State == routes.Failed })
	r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "fd00:200::9", "proto static")
	do(t, other(t, foreignProtocol), rtnl.Delete, theirs)
	r.just(t, []Want{w})
	r.wait(t, "ours again", programmed)
}

// TestStartBesideAnotherInOneIPv6Group: an agent that starts knows what is
// its own, in whatever order the two came.
func TestStartBesideAnotherInOneIPv6Group(t *testing.T) {
	for name, oursFirst := range map[string]bool{"ours first": true, "theirs first": false} {
		t.Run(name, func(t *testing.T) {
			index := testVeth().Add(t)
			dst := "2001:db8:1::/48"
			add := []*netlink.Route{
				netlinkRoute(fib(dst, "fd00:200::2", index, 256), testProtocol), netlinkRoute(fib(dst, "fd00:200::9", index, 256), foreignProtocol),
			}
			if !oursFirst {
				slices.Reverse(add)
			}
			for _, a := range add {
				ok(t, netlink.RouteAppend(a))
			}
			r := run(t, Options{})
			w := want(t, dst, "fd00:200::2", 256)
			r.set(t, w)
			if r.last.Programmed != 1 || r.excs[w.Route.Key()].State == routes.Failed || r.last.Counters.Writes != 0 {
				t.Errorf("%+v, exceptions %+v", r.last, r.excs)
			}
			r.set(t) // removed: ours goes, theirs stays
			if got := r.whole(t, dst); !slices.Equal(got, []string{"fd00:200::9"}) {
				t.Errorf("after the removal: %v", got)
			}
		})
	}
}

// TestOurNumberOnWhatWeDidNotWrite: whatever carries our protocol number and
// is not exactly ours goes as the object it is; ours comes back, and a removal
// leaves nothing that forwards.
func TestOurNumberOnWhatWeDidNotWrite(t *testing.T) {
	type change = func(t *testing.T, index int, e routes.FIBEntry)
	replace := func(alter func(r *netlink.Route, e routes.FIBEntry)) change {
		return func(t *testing.T, _ int, e routes.FIBEntry) {
			r := netlinkRoute(e, testProtocol)
			alter(r, e)
			ok(t, netlink.RouteReplace(r))
		}
	}
	second := func(e routes.FIBEntry) net.IP {
		if e.NextHop.Is4() {
			return net.ParseIP("10.200.0.9")
		}
		return net.ParseIP("fd00:200::9")
	}
	for name, c := range map[string]change{
		"several next hops": replace(func(r *netlink.Route, e routes.FIBEntry) {
			r.MultiPath = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw}, {LinkIndex: r.LinkIndex, Gw: second(e)}}
			r.Gw, r.LinkIndex = nil, 0
		}),
		"another first next hop": replace(func(r *netlink.Route, e routes.FIBEntry) {
			r.MultiPath = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: second(e)}, {LinkIndex: r.LinkIndex, Gw: r.Gw}}
			r.Gw, r.LinkIndex = nil, 0
		}),
		"blackhole":                         replace(func(r *netlink.Route, _ routes.FIBEntry) { r.Gw, r.LinkIndex, r.Type = nil, 0, unix.RTN_BLACKHOLE }),
		"another type by the same next hop": replace(func(r *netlink.Route, _ routes.FIBEntry) { r.Type = unix.RTN_MULTICAST }),
		"mtu":                               replace(func(r *netlink.Route, _ routes.FIBEntry) { r.MTU, r.AdvMSS = 1300, 900 }),
		"source": replace(func(r *netlink.Route, e routes.FIBEntry) {
			if r.Src = net.ParseIP("fd00:200::1"); e.NextHop.Is4() {
				r.Src = net.ParseIP("10.200.0.1")
			}
		}),
		"next-hop object": replaceByNextHopID,
	} {
		t.Run(name, func(t *testing.T) {
			index := testVeth().Add(t)
			wants, held := both(t)
			r := run(t, Options{})
			r.set(t, wants...)
			for _, w := range wants {
				e := w.Route
				c(t, index, fib(e.Destination().String(), e.NextHop().String(), index, 256))
			}
			r.just(t, wants)
			// Of an IPv6 route of several next hops, one is ours already.
			r.wait(t, "the repair", func() bool { return r.last.Counters.Repairs >= 1 && r.last.Programmed == 2 })
			if !r.holds(t, held...) || len(r.excs) > 0 {
				t.Errorf("kernel holds %v, exceptions %v", r.held(t), r.excs)
			}
			for _, w := range wants {
				e := w.Route
				c(t, index, fib(e.Destination().String(), e.NextHop().String(), index, 256))
			}
			r.set(t)
			for _, dst := range []string{"10.1.0.0/16", "2001:db8:1::/48"} {
				// What another wrote a moment before may be noticed a moment after.
				polltest.Until(t, "nothing that forwards to "+dst, func() bool { return len(r.whole(t, dst)) == 0 })
			}
		})
	}
}

// replaceByNextHopID does what the library does for IPv4 only.
func replaceByNextHopID(t *testing.T, index int, e routes.FIBEntry) {
	t.Helper()
	id, family := uint32(5), uint8(unix.AF_INET)
	if e.NextHop.Is6() {
		id, family = 6, unix.AF_INET6
	}
	ok(t, netlink.NexthopReplace(&netlink.Nexthop{ID: id, OIF: uint32(index), Gateway: e.NextHop.AsSlice()}))
	const rtaNextHopID = 30
	req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	msg := nl.NewRtMsg()
	msg.Family, msg.Dst_len, msg.Protocol = family, uint8(e.Destination.Bits()), testProtocol
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, e.Destination.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(e.Metric)))
	req.AddData(nl.NewRtAttr(rtaNextHopID, nl.Uint32Attr(id)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	ok(t, err)
}

// TestAlteredIPv4RouteIsRepairedWithoutAGap: ours comes before the altered goes.
func TestAlteredIPv4RouteIsRepairedWithoutAGap(t *testing.T) {
	index := testVeth().Add(t)
	wants, _ := both(t)
	r := run(t, Options{})
	r.set(t, wants[0])
	watch, err := rtnl.Subscribe(0)
	ok(t, err)
	defer watch.Close()
	changed := netlinkRoute(fib("10.1.0.0/16", "10.200.0.2", index, 256), testProtocol)
	changed.MTU = 1300
	ok(t, netlink.RouteChange(changed))
	r.just(t, wants[:1])
	var kinds []string
	for len(kinds) < 3 {
		events, err := watch.Next(nil)
		ok(t, err)
		for _, e := range events {
			if e.Route.Destination.String() == "10.1.0.0/16" {
				kinds = append(kinds, map[rtnl.EventKind]string{rtnl.RouteAdded: "added ", rtnl.RouteDeleted: "deleted "}[e.Kind]+e.Route.Traits.String())
			}
		}
	}
	if want := []string{"added metrics such as mtu", "added ", "deleted metrics such as mtu"}; !slices.Equal(kinds, want) {
		t.Errorf("changes %q, want %q", kinds, want)
	}
}

// TestRoutesOfOtherTablesAreNotMains: a rule has another table asked first; a
// route there holds no key of main.
func TestRoutesOfOtherTablesAreNotMains(t *testing.T) {
	// Each family by itself: a survey for one would put right what is believed of the other.
	for i, c := range []struct {
		family int
		theirs string
	}{{unix.AF_INET, "10.200.0.9"}, {unix.AF_INET6, "fd00:200::9"}} {
		t.Run(c.theirs, func(t *testing.T) {
			index := testVeth().Add(t)
			wants, held := both(t)
			w, held := wants[i], held[i:i+1]
			dst, hop := w.Route.Destination().String(), w.Route.NextHop().String()
			r := run(t, Options{})
			r.set(t, w)
			const table = 100
			foreign := netlinkRoute(fib(dst, c.theirs, index, 256), foreignProtocol)
			foreign.Table = table
			ok(t, netlink.RouteAdd(foreign))
			rule := netlink.NewRule()
			rule.Family, rule.Table, rule.Priority = c.family, table, 1000
			ruleAdd(t, rule)
			do(t, other(t, testProtocol), rtnl.Delete, fib(dst, hop, index, 256))
			polltest.Until(t, "repair", func() bool { return r.holds(t, held...) })
			r.becomes(t, w, "SHADOWED", "in table 100")
			for _, metric := range []uint32{300, 256} {
				r.apply(t, []Want{want(t, dst, hop, metric)})
				if !r.holds(t, held...) {
					t.Errorf("metric %d: kernel holds %v", metric, r.held(t))
				}
				r.wantException(t, w, Exception{State: routes.Programmed, Condition: routes.Shadowed}, "in table 100")
			}
			ok(t, netlink.RouteDel(foreign))
			r.becomes(t, w, "")
		})
	}
}

// TestChangedProtocolNumber: what was written under another number is written
// again without a gap, and nothing that merely has that number is touched.
func TestChangedProtocolNumber(t *testing.T) {
	const before = 150
	index := testVeth().Add(t)
	wants, held := both(t)
	old := other(t, before)
	bystanders := []routes.FIBEntry{fib("10.1.0.0/16", "10.200.0.2", index, 300), fib("10.9.0.0/16", "10.200.0.2", index, 256), fib("2001:db8:1::/48", "fd00:200::9", index, 300)}
	do(t, old, rtnl.Add, fib("10.1.0.0/16", "10.200.0.2", index, 256), fib("2001:db8:1::/48", "fd00:200::2", index, 256))
	do(t, old, rtnl.Add, bystanders...)
	watch, err := rtnl.Subscribe(0)
	ok(t, err)
	defer watch.Close()
	r := run(t, Options{Former: []uint8{before}})
	r.set(t, wants...)
	if !r.holds(t, held...) || len(r.excs) > 0 || r.last.Programmed != 2 {
		t.Errorf("kernel holds %v, exceptions %v", r.held(t), r.excs)
	}
	var kinds []rtnl.EventKind
	for len(kinds) < 4 {
		events, err := watch.Next(nil)
		ok(t, err)
		for _, e := range events {
			if (e.Kind == rtnl.RouteAdded || e.Kind == rtnl.RouteDeleted) && (e.Route.Protocol == before || e.Route.Protocol == testProtocol) {
				kinds = append(kinds, e.Kind)
			}
		}
	}
	left := 0
	ok(t, r.k.Survey(t.Context(), func(o kernel.Route) {
		if o.Protocol == before {
			left++
			if !slices.Contains(bystanders, o.FIBEntry) {
				t.Errorf("still there: %+v", o)
			}
		}
	}))
	if left != len(bystanders) {
		t.Errorf("%d of %d routes of another's are left", left, len(bystanders))
	}
	// From now on, that number is another manager's.
	r.set(t)
	do(t, old, rtnl.Add, fib("10.1.0.0/16", "10.200.0.2", index, 256))
	r.set(t, wants[0])
	r.wantException(t, wants[0], Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "proto 150")
	do(t, old, rtnl.Delete, append(bystanders, fib("10.1.0.0/16", "10.200.0.2", index, 256))...) // all are there
}
