package table

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/routes"
)

// neverDown waits as becomes does, for all of wants, and minds that LINK_DOWN is
// said of none of them meanwhile: their link is up all the time.
func (r *rig) neverDown(t *testing.T, status string, wants ...Want) {
	t.Helper()
	r.wait(t, "all "+status, func() bool {
		all := true
		for _, w := range wants {
			e := r.excs[w.Route.Key()]
			if e.Cause == routes.LinkDown {
				t.Errorf("%v: LINK_DOWN of a link that is up: %q", w.Route, e.Detail)
			}
			all = all && string(e.Cause) == status
		}
		return all
	})
}

// TestMTUWithoutIPv6: Linux takes IPv6 from a link whose MTU is below 1280. Routes
// that are there go, those that come are refused, and the link is up all the time.
func TestMTUWithoutIPv6(t *testing.T) {
	v := testVeth()
	v.Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	local := want(t, "2001:db8:3::/48", "fe80::2", 256)
	r.set(t, append(wants, local)...)
	r.neverDown(t, "", append(wants, local)...)
	for range 5 {
		ok(t, netlink.LinkSetMTU(link(t, "v0"), 1200))
		r.neverDown(t, "IPV6_DISABLED", wants[1], local)
		late := want(t, "2001:db8:4::/48", "fd00:200::3", 256)
		r.apply(t, []Want{late})
		r.neverDown(t, "IPV6_DISABLED", late)
		for _, w := range []Want{wants[1], local, late} {
			r.becomes(t, w, "IPV6_DISABLED", "v0", "1200", "1280")
		}
		if !r.holds(t, held[0]) {
			t.Errorf("the kernel holds %v", r.held(t))
		}
		r.apply(t, nil, late.Route.Key())
		ok(t, netlink.LinkSetMTU(link(t, "v0"), 1500))
		ok(t, v.Assign()) // the MTU took the address
		r.neverDown(t, "", append(wants, local)...)
	}
}

// TestAStartWithoutIPv6: so it is for an agent that starts then.
func TestAStartWithoutIPv6(t *testing.T) {
	testVeth().Add(t)
	ok(t, netlink.LinkSetMTU(link(t, "v0"), 1200))
	r := run(t, Options{})
	wants, _ := both(t)
	r.set(t, append(wants, want(t, "2001:db8:3::/48", "fe80::2", 256))...)
	r.neverDown(t, "IPV6_DISABLED", wants[1], want(t, "2001:db8:3::/48", "fe80::2", 256))
	r.neverDown(t, "", wants[0])
}

// TestALinkThatGoesAndComesBack: a write to a link that is gone is no LINK_DOWN
// of the one that has its place.
func TestALinkThatGoesAndComesBack(t *testing.T) {
	v := testVeth()
	v.Add(t)
	r := run(t, Options{})
	wants, held := both(t)
	r.set(t, wants...)
	for range 20 {
		v.Remove()
		r.apply(t, wants)
		_, err := v.Create()
		ok(t, err)
		r.wait(t, "both", func() bool {
			for _, w := range wants {
				if e := r.excs[w.Route.Key()]; e.Cause == routes.LinkDown && e.Detail != "v0 is down" {
					t.Errorf("%v: %+v", w.Route, e)
				}
			}
			return len(r.excs) == 0
		})
	}
	if !r.holds(t, held...) {
		t.Errorf("the kernel holds %v", r.held(t))
	}
}
