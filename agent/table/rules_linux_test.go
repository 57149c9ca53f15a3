package table

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/routes"
)

const foreignProtocol = 4 // RTPROT_STATIC

// wantException checks a route's status, and that the detail names what it must.
func (r *rig) wantException(t testing.TB, w Want, e Exception, names ...string) {
	t.Helper()
	got, excepted := r.excs[w.Route.Key()]
	if !excepted {
		got = Exception{Key: w.Route.Key(), State: routes.Programmed}
	}
	for _, name := range names {
		if !strings.Contains(got.Detail, name) {
			t.Errorf("%v: detail %q does not name %q", w.Route, got.Detail, name)
		}
	}
	got.Key, got.Detail, got.Withdrawn = routes.Key{}, "", false
	if got != e {
		t.Errorf("%v: %+v, want %+v", w.Route, got, e)
	}
}

func TestForeignRouteOnTheSameKeyIsUntouched(t *testing.T) {
	index := testVeth().Add(t)
	wants, held := both(t)
	foreign := other(t, foreignProtocol)
	theirs := []routes.FIBEntry{fib("10.1.0.0/16", "10.200.0.9", index, 256), fib("2001:db8:1::/48", "fd00:200::9", index, 256)}
	do(t, foreign, rtnl.Add, theirs...)
	r := run(t, Options{})
	r.set(t, wants...)
	for _, w := range wants {
		r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "proto static", "dev v0", "metric 256")
	}
	if !r.holds(t) {
		t.Errorf("kernel holds %v of ours", r.held(t))
	}
	r.set(t) // must not hit theirs either
	r.set(t, wants...)
	do(t, foreign, rtnl.Delete, theirs...) // fails if they are not there
	r.wait(t, "ours in their place", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, held...) {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

// An operator does not know links by their indexes.
func TestForeignLinkIsNamed(t *testing.T) {
	testVeth().Add(t)
	index := nstest.Veth{Name: "wan7", Peer: "peer7", MAC: "02:00:00:00:07:01", Addresses: []string{"10.207.0.1/24"}}.Add(t)
	wants, _ := both(t)
	do(t, other(t, foreignProtocol), rtnl.Add, fib("10.1.0.0/16", "10.207.0.9", index, 256))
	r := run(t, Options{})
	r.set(t, wants...)
	r.wantException(t, wants[0], Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "dev wan7 ")
}

// A route that refuses packets has a type, and no link.
func TestForeignTypeIsNamed(t *testing.T) {
	for name, kind := range map[string]int{"blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW} {
		t.Run(name, func(t *testing.T) {
			testVeth().Add(t)
			wants, _ := both(t)
			for _, e := range []routes.FIBEntry{fib("10.1.0.0/16", "0.0.0.0", 0, 256), fib("2001:db8:1::/48", "::", 0, 256)} {
				r := netlinkRoute(e, foreignProtocol)
				r.Gw, r.Type = nil, kind
				ok(t, netlink.RouteAdd(r))
				t.Cleanup(func() { ok(t, netlink.RouteDel(r)) })
			}
			r := run(t, Options{})
			r.set(t, wants...)
			for _, w := range wants {
				r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "by "+name+" "+w.Route.Destination().String(), "proto static")
				if got := r.excs[w.Route.Key()].Detail; strings.Contains(got, "link 0") {
					t.Errorf("detail %q", got)
				}
			}
		})
	}
}

func TestReplacedByAnother(t *testing.T) {
	index := testVeth().Add(t)
	wants, held := both(t)
	r := run(t, Options{})
	r.set(t, wants...)
	theirs := []routes.FIBEntry{fib("10.1.0.0/16", "10.200.0.9", index, 256), fib("2001:db8:1::/48", "fd00:200::9", index, 256)}
	for _, e := range theirs {
		ok(t, netlink.RouteReplace(netlinkRoute(e, foreignProtocol)))
	}
	r.wait(t, "two conflicts", func() bool { return len(r.excs) == 2 })
	for _, w := range wants {
		r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "proto static")
	}
	do(t, other(t, foreignProtocol), rtnl.Delete, theirs...)
	r.wait(t, "ours back", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, held...) {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

func TestOwnProtocolReplacedByHand(t *testing.T) {
	index := testVeth().Add(t)
	wants, held := both(t)
	r := run(t, Options{})
	r.set(t, wants...)
	for _, e := range []routes.FIBEntry{fib("10.1.0.0/16", "10.200.0.9", index, 256), fib("2001:db8:1::/48", "fd00:200::9", index, 256)} {
		ok(t, netlink.RouteReplace(netlinkRoute(e, testProtocol)))
	}
	polltest.Until(t, "repair", func() bool { return r.holds(t, held...) })
	do(t, other(t, testProtocol), rtnl.Add, fib("10.77.0.0/16", "10.200.0.9", index, 256))
	polltest.Until(t, "deletion of what is not desired", func() bool { return r.holds(t, held...) })
}

func TestNextHopChangeHasNoGap(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	for _, dst := range []string{"10.1.0.0/16", "2001:db8:1::/48"} {
		hops := []string{"10.200.0.2", "10.200.0.3", "0.0.0.0", "10.200.0.4"}
		if strings.Contains(dst, ":") {
			hops = []string{"fd00:200::2", "fd00:200::3", "::", "fe80::4"}
		}
		r.set(t, want(t, dst, hops[0], 256))
		watch, err := rtnl.Subscribe(0)
		ok(t, err)
		for i, hop := range hops[1:] {
			r.apply(t, []Want{want(t, dst, hop, 256)}, want(t, dst, hops[i], 256).Route.Key())
			if !r.holds(t, dst+" "+hop) || len(r.excs) > 0 {
				t.Fatalf("next hop %s: kernel holds %v, exceptions %v", hop, r.held(t), r.excs)
			}
		}
		r.apply(t, []Want{want(t, dst, hops[3], 100)})
		var kinds []rtnl.EventKind
		for len(kinds) < 2*len(hops) {
			events, err := watch.Next(nil) // one message; for a group, an event each
			ok(t, err)
			if len(events) > 0 && events[0].Route.Protocol == testProtocol { // none: of another table
				kinds = append(kinds, events[0].Kind)
			}
		}
		for i, kind := range kinds {
			if wanted := []rtnl.EventKind{rtnl.RouteAdded, rtnl.RouteDeleted}[i%2]; kind != wanted {
				t.Errorf("%s: changes %v, want additions before deletions", dst, kinds)
			}
		}
		watch.Close()
	}
}

func TestNextHopChangeDoesNotJoinAForeignRoute(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{})
	r.set(t, want(t, "2001:db8:1::/48", "fd00:200::2", 256))
	// Another manager joins our route: the kernel shows both as ours.
	ok(t, netlink.RouteAppend(netlinkRoute(fib("2001:db8:1::/48", "fd00:200::9", index, 256), foreignProtocol)))
	w := want(t, "2001:db8:1::/48", "fd00:200::3", 256)
	r.set(t, w)
	r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.ForeignConflict}, "fd00:200::9")
	do(t, other(t, foreignProtocol), rtnl.Delete, fib("2001:db8:1::/48", "fd00:200::9", index, 256)) // theirs is still there
	polltest.Until(t, "our new next hop", func() bool { return r.holds(t, "2001:db8:1::/48 fd00:200::3") })
}

func TestInsideAConnectedNetwork(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	higher, vendor := want(t, "10.200.0.0/24", "10.200.0.2", 256), want(t, "fd00:200::/64", "fd00:200::2", 300)
	equal, lower := want(t, "fd00:200::/64", "fd00:200::3", 256), want(t, "fd00:200::/64", "fd00:200::4", 9)
	inside := want(t, "10.200.0.128/25", "10.200.0.2", 256)
	r.set(t, higher, vendor, equal, lower, inside)
	r.wantException(t, higher, Exception{State: routes.Programmed, Condition: routes.Shadowed}, "proto kernel", "dev v0")
	r.wantException(t, vendor, Exception{State: routes.Programmed, Condition: routes.Shadowed}, "proto kernel")
	r.wantException(t, equal, Exception{State: routes.Waiting, Cause: routes.KeyHeld}, "fd00:200::/64", "metric 256")
	r.wantException(t, lower, Exception{State: routes.Failed, Cause: routes.OnLinkOverride}, "fd00:200::/64")
	r.wantException(t, inside, Exception{State: routes.Failed, Cause: routes.OnLinkOverride}, "10.200.0.0/24")
	r.gen++
	r.SetPolicy(r.gen, true)
	r.wait(t, "policy", func() bool { return r.last.Generation == r.gen })
	r.wantException(t, lower, Exception{State: routes.Programmed})
	r.wantException(t, inside, Exception{State: routes.Programmed})
	// Asked again, IPv6 would not take a next hop that a route like lower leads to.
	ok(t, netlink.AddrAdd(link(t, "v0"), address(t, "fd00:209::1/64")))
	r.wait(t, "the new address", func() bool {
		return len(r.last.NICs) > 0 && slices.Contains(r.last.NICs[0].Addresses, netip.MustParsePrefix("fd00:209::1/64"))
	})
	r.gen++
	r.SetPolicy(r.gen, true)
	r.wait(t, "a look at the next hops", func() bool { return r.last.Generation == r.gen })
	r.wantException(t, lower, Exception{State: routes.Programmed})
	r.wantException(t, vendor, Exception{State: routes.Programmed, Condition: routes.Standby}, "metric 9")
	r.gen++
	r.SetPolicy(r.gen, false)
	r.wait(t, "policy", func() bool { return r.last.Generation == r.gen })
	r.wantException(t, lower, Exception{State: routes.Failed, Cause: routes.OnLinkOverride})
	if !r.holds(t, "10.200.0.0/24 10.200.0.2", "fd00:200::/64 fd00:200::2") {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

func TestShadowedAndStandby(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{})
	first, second := want(t, "10.1.0.0/16", "10.200.0.2", 100), want(t, "10.1.0.0/16", "10.200.0.3", 200)
	r.set(t, first, second)
	r.wantException(t, first, Exception{State: routes.Programmed})
	r.wantException(t, second, Exception{State: routes.Programmed, Condition: routes.Standby}, "100")
	foreign, better := other(t, foreignProtocol), fib("10.1.0.0/16", "10.200.0.9", index, 50)
	do(t, foreign, rtnl.Add, better)
	r.wait(t, "shadow", func() bool { return r.excs[first.Route.Key()].Condition == routes.Shadowed })
	r.wantException(t, second, Exception{State: routes.Programmed, Condition: routes.Shadowed}, "proto static")
	do(t, foreign, rtnl.Delete, better)
	r.wait(t, "light", func() bool { return len(r.excs) == 1 })
	r.apply(t, nil, first.Route.Key())
	r.wantException(t, second, Exception{State: routes.Programmed})

	// A foreign route that was there first is found when ours is added.
	do(t, foreign, rtnl.Add, fib("10.3.0.0/16", "10.200.0.9", index, 50), fib("10.4.0.0/16", "10.200.0.9", index, 50), fib("10.4.0.0/24", "10.200.0.9", index, 50))
	third, fourth := want(t, "10.3.0.0/16", "10.200.0.2", 100), want(t, "10.4.0.0/16", "10.200.0.2", 100)
	r.apply(t, []Want{third, fourth})
	r.wait(t, "both shadowed", func() bool { return len(r.excs) == 2 })
	r.wantException(t, third, Exception{State: routes.Programmed, Condition: routes.Shadowed})
	r.wantException(t, fourth, Exception{State: routes.Programmed, Condition: routes.Shadowed})
}

func TestMetricChangesAndSwaps(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	a, b := want(t, "10.1.0.0/16", "10.200.0.2", 5), want(t, "10.1.0.0/16", "10.200.0.3", 6)
	r.set(t, a, b)
	a2, b2 := want(t, "10.1.0.0/16", "10.200.0.2", 6), want(t, "10.1.0.0/16", "10.200.0.3", 5)
	r.apply(t, []Want{a2, b2})
	r.wantException(t, b2, Exception{State: routes.Programmed})
	r.wantException(t, a2, Exception{State: routes.Programmed, Condition: routes.Standby})
	if !r.holds(t, "10.1.0.0/16 10.200.0.2", "10.1.0.0/16 10.200.0.3") {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

func TestNICs(t *testing.T) {
	index := testVeth().Add(t)
	r := run(t, Options{})
	w, nowhere := want(t, "10.1.0.0/16", "10.200.0.2", 256), want(t, "10.2.0.0/16", "10.200.0.2", 256)
	other, err := routes.New(routes.Fields{Interface: "Port4", Destination: nowhere.Route.Destination(), NextHop: nowhere.Route.NextHop(), Metric: 256})
	ok(t, err)
	nowhere = Want{Route: other, MAC: "02:00:00:00:00:44"}
	r.set(t, w, nowhere)
	r.wantException(t, nowhere, Exception{State: routes.Waiting, Cause: routes.NoNodeNIC}, "02:00:00:00:00:44")
	if n := slices.IndexFunc(r.last.NICs, func(n NIC) bool { return n.Interface == "Port3" }); n < 0 || int(r.last.NICs[n].Link) != index || r.last.NICs[n].Name != "v0" {
		t.Errorf("NICs: %+v", r.last.NICs)
	}
	// The node's NIC is taken off the port's switch; the link stays.
	for _, mac := range []string{"", "02:00:00:00:00:45"} {
		off := Want{Route: w.Route, MAC: mac}
		r.set(t, off)
		r.wantException(t, off, Exception{State: routes.Waiting, Cause: routes.NoNodeNIC}, mac)
		if !r.holds(t) {
			t.Errorf("without a NIC the kernel holds %v", r.held(t))
		}
		r.set(t, w)
		if !r.holds(t, "10.1.0.0/16 10.200.0.2") {
			t.Errorf("with the NIC again the kernel holds %v", r.held(t))
		}
	}
}

func TestLeasedAddressIsNotStatic(t *testing.T) {
	v := testVeth()
	v.Addresses = nil
	v.Add(t)
	r := run(t, Options{})
	w := want(t, "10.1.0.0/16", "10.200.0.2", 256)
	r.set(t, w)
	r.wantException(t, w, Exception{State: routes.Waiting, Cause: routes.NICNoAddress}, "v0")
	addr, err := netlink.ParseAddr("10.200.0.1/24")
	ok(t, err)
	addr.ValidLft, addr.PreferedLft = 3600, 3600
	ok(t, netlink.AddrAdd(link(t, "v0"), addr))
	r.wait(t, "refusal", func() bool { return r.excs[w.Route.Key()].State == routes.Failed })
	r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.NICNotStatic}, "dhcp")
	addr.ValidLft, addr.PreferedLft = 0, 0
	ok(t, netlink.AddrReplace(link(t, "v0"), addr))
	r.wait(t, "static", func() bool { return len(r.excs) == 0 })
}
