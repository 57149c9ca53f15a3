package table

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/routes"
)

// becomes waits for a route's status; "" is plainly PROGRAMMED.
func (r *rig) becomes(t testing.TB, w Want, status string, names ...string) {
	t.Helper()
	var e Exception
	r.wait(t, w.Route.String()+" "+status, func() bool {
		e = r.excs[w.Route.Key()]
		return string(e.Cause)+string(e.Condition) == status
	})
	for _, name := range names {
		if !strings.Contains(e.Detail, name) {
			t.Errorf("%v: detail %q does not name %q", w.Route, e.Detail, name)
		}
	}
}

// secondLink is a NIC that routes of ours do not use.
func secondLink(t testing.TB) int {
	return nstest.Veth{Name: "wan7", Peer: "peer7", MAC: "02:00:00:00:07:01", Addresses: []string{"10.207.0.1/24", "fd00:207::1/64"}}.Add(t)
}

func sysctl(t testing.TB, path, value string) {
	t.Helper()
	old, err := os.ReadFile("/proc/sys/net/" + path)
	ok(t, err)
	ok(t, os.WriteFile("/proc/sys/net/"+path, []byte(value), 0))
	t.Cleanup(func() { _ = os.WriteFile("/proc/sys/net/"+path, old, 0) })
}

// Of two routes with one key and metric, the kernel takes the first.
func TestEqualMetricInFrontWins(t *testing.T) {
	testVeth().Add(t)
	index := secondLink(t)
	wants, _ := both(t)
	w := wants[0]
	r := run(t, Options{})
	r.set(t, w)
	theirs := netlinkRoute(fib("10.1.0.0/16", "10.207.0.9", index, 256), foreignProtocol)
	prepend(t, theirs)
	r.becomes(t, w, "SHADOWED", "10.207.0.9", "dev wan7", "metric 256", "proto static")
	ok(t, netlink.RouteDel(theirs))
	r.becomes(t, w, "")
	ok(t, netlink.RouteAppend(theirs)) // behind ours it changes nothing
	r.apply(t, []Want{want(t, "10.99.0.0/16", "10.200.0.2", 256)})
	if e, there := r.excs[w.Route.Key()]; there {
		t.Errorf("behind ours: %+v", e)
	}
	ok(t, netlink.RouteDel(theirs))
}

// prepend adds a route before others of its key, as 'ip route prepend' does.
func prepend(t testing.TB, r *netlink.Route) {
	t.Helper()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	ok(t, err)
	defer h.Close()
	ok(t, h.RouteAddEcmp(r)) // NLM_F_CREATE alone
}

// A route that the kernel does not use, as its link has no carrier, takes
// nothing from ours; once it is used, it does.
func TestDeadForeignRouteShadowsNothing(t *testing.T) {
	testVeth().Add(t)
	index := secondLink(t)
	sysctl(t, "ipv4/conf/wan7/ignore_routes_with_linkdown", "1")
	wants, _ := both(t)
	w := wants[0]
	theirs := netlinkRoute(fib("10.1.0.0/16", "10.207.0.9", index, 9), foreignProtocol)
	ok(t, netlink.RouteAdd(theirs))
	r := run(t, Options{})
	r.set(t, w)
	r.becomes(t, w, "SHADOWED", "dev wan7")
	ok(t, netlink.LinkSetDown(link(t, "peer7")))
	r.becomes(t, w, "")
	ok(t, netlink.LinkSetUp(link(t, "peer7")))
	r.becomes(t, w, "SHADOWED", "dev wan7")
	ok(t, netlink.RouteDel(theirs))
	r.becomes(t, w, "")
}

func TestWithoutCarrier(t *testing.T) {
	testVeth().Add(t)
	wants, held := both(t)
	r := run(t, Options{})
	r.set(t, wants...)
	for _, ignore := range []string{"0", "1"} {
		sysctl(t, "ipv4/conf/v0/ignore_routes_with_linkdown", ignore)
		ok(t, netlink.LinkSetDown(link(t, "v1")))
		for _, w := range wants {
			r.becomes(t, w, "LINK_DOWN", "v0", "linkdown")
		}
		if !r.holds(t, held...) {
			t.Errorf("kernel holds %v", r.held(t))
		}
		late := want(t, "10.77.0.0/16", "10.200.0.2", 256) // written while there is none
		r.apply(t, []Want{late})
		r.becomes(t, late, "LINK_DOWN", "v0")
		ok(t, netlink.LinkSetUp(link(t, "v1")))
		for _, w := range append(wants, late) {
			r.becomes(t, w, "")
		}
		r.apply(t, nil, late.Route.Key())
	}
}

// A policy rule before table main decides for all packets to a destination.
func TestPolicyRules(t *testing.T) {
	for _, c := range []ruled{
		{unix.AF_INET, "10.1.0.0/16", "10.1.0.0/17", "10.200.0.2", "10.207.0.9"},
		{unix.AF_INET6, "2001:db8:1::/48", "2001:db8:1::/49", "fd00:200::2", "fd00:207::9"},
	} {
		t.Run(c.net, c.test)
	}
}

type ruled struct {
	family                  int
	net, inside, hop, other string
}

func (c ruled) test(t *testing.T) {
	testVeth().Add(t)
	index := secondLink(t)
	w, bystander := want(t, c.net, c.hop, 256), want(t, "10.50.0.0/16", "10.200.0.2", 256)
	r := run(t, Options{})
	r.set(t, w, bystander)
	rule := c.rule(50)
	rule.Table = 100
	ruleAdd(t, rule)
	theirs := func(dst string) *netlink.Route {
		route := netlinkRoute(fib(dst, c.other, index, 7), foreignProtocol)
		route.Table = 100
		return route
	}
	for _, protocol := range []netlink.RouteProtocol{foreignProtocol, testProtocol} { // a copy of main keeps the numbers
		route := theirs(c.net)
		route.Protocol = protocol
		ok(t, netlink.RouteAdd(route))
		r.becomes(t, w, "SHADOWED", "policy rule 50: to "+c.net+" lookup 100", c.other, "dev wan7", "in table 100", "looked up ")
		ok(t, netlink.RouteDel(route)) // an empty table: main is asked next
		r.becomes(t, w, "")
	}
	ok(t, netlink.RouteAdd(theirs(c.net)))
	r.becomes(t, w, "SHADOWED")
	ok(t, netlink.RuleDel(rule))
	r.becomes(t, w, "")
	ok(t, netlink.RouteDel(theirs(c.net)))

	// A route for a part takes a part only.
	ok(t, netlink.RouteAdd(theirs(c.inside)))
	ruleAdd(t, rule)
	w = want(t, c.net, c.hop, 300)
	r.apply(t, []Want{w})
	r.becomes(t, w, "")
	ok(t, netlink.RuleDel(rule))
	ok(t, netlink.RouteDel(theirs(c.inside)))

	refusing := c.rule(60)
	refusing.Type = unix.RTN_PROHIBIT
	ruleAdd(t, refusing)
	r.becomes(t, w, "SHADOWED", "policy rule", "prohibit")
	named := "policy rule 60: to " + c.net + " prohibit"
	r.wait(t, named, func() bool { return strings.Contains(r.excs[w.Route.Key()].Detail, named) })
	if e, there := r.excs[bystander.Route.Key()]; there {
		t.Errorf("not concerned: %+v", e)
	}
	ok(t, netlink.RuleDel(refusing))
	r.becomes(t, w, "")
}

func (c ruled) rule(priority int) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Priority, rule.Dst = c.family, priority, ipNet(c.net)
	return rule
}

// ruleAdd adds a rule that does not outlast the test.
func ruleAdd(t testing.TB, rule *netlink.Rule) {
	t.Helper()
	ok(t, netlink.RuleAdd(rule))
	t.Cleanup(func() { _ = netlink.RuleDel(rule) })
}

// A rule that was there first is known when a route comes.
func TestPolicyRuleBeforeTheRoute(t *testing.T) {
	testVeth().Add(t)
	index := secondLink(t)
	rule := netlink.NewRule()
	rule.Table, rule.Priority = 100, 50
	ruleAdd(t, rule)
	theirs := netlinkRoute(fib("20.0.0.0/8", "10.207.0.9", index, 7), foreignProtocol)
	theirs.Table = 100
	ok(t, netlink.RouteAdd(theirs))
	t.Cleanup(func() { _ = netlink.RouteDel(theirs) })
	r := run(t, Options{})
	all := manyWants(t, 200) // in bulk, all in 20.0.0.0/8
	elsewhere := want(t, "10.1.0.0/16", "10.200.0.2", 256)
	r.set(t, append(all, elsewhere)...)
	for _, w := range all {
		r.becomes(t, w, "SHADOWED", "20.0.0.0/8", "policy rule 50: lookup 100")
	}
	if e, there := r.excs[elsewhere.Route.Key()]; there {
		t.Errorf("%+v", e)
	}
	ok(t, netlink.RuleDel(rule))
	r.wait(t, "all plain", func() bool { return len(r.excs) == 0 })
}

func ipNet(s string) *net.IPNet {
	p := netip.MustParsePrefix(s)
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// A next hop of others beside ours in one IPv6 route takes a part.
func TestSharedWithAForeignNextHop(t *testing.T) {
	testVeth().Add(t)
	index := secondLink(t)
	wants, held := both(t)
	w := wants[1]
	r := run(t, Options{})
	r.set(t, w)
	theirs := netlinkRoute(fib("2001:db8:1::/48", "fd00:207::9", index, 256), foreignProtocol)
	ok(t, netlink.RouteAppend(theirs))
	r.becomes(t, w, "SHARED", "fd00:207::9", "dev wan7", "proto static")
	ok(t, netlink.RouteDel(theirs))
	r.becomes(t, w, "")
	if !r.holds(t, held[1]) {
		t.Errorf("kernel holds %v", r.held(t))
	}
}

// When a NIC moves to another network, the kernel keeps the routes through the
// old one, and would not take them any more.
func TestRenumberedAwayFromTheNextHop(t *testing.T) {
	testVeth().Add(t)
	wants, held := both(t)
	r := run(t, Options{})
	r.set(t, wants...)
	v0 := link(t, "v0")
	address := func(s string) *netlink.Addr {
		a, err := netlink.ParseAddr(s)
		ok(t, err)
		if a.IP.To4() == nil {
			a.Flags = unix.IFA_F_NODAD
		}
		return a
	}
	for range 2 {
		for _, s := range []string{"10.201.0.1/24", "fd00:201::1/64"} {
			ok(t, netlink.AddrAdd(v0, address(s)))
		}
		for _, s := range testVeth().Addresses {
			ok(t, netlink.AddrDel(v0, address(s)))
		}
		r.becomes(t, wants[0], "NEXT_HOP_UNREACHABLE", "errno 101", "Nexthop has invalid gateway")
		r.becomes(t, wants[1], "NEXT_HOP_UNREACHABLE", "errno 113")
		if !r.holds(t, held...) {
			t.Errorf("kernel holds %v", r.held(t))
		}
		for _, s := range testVeth().Addresses {
			ok(t, netlink.AddrAdd(v0, address(s)))
		}
		for _, w := range wants {
			r.becomes(t, w, "")
		}
		for _, s := range []string{"10.201.0.1/24", "fd00:201::1/64"} {
			ok(t, netlink.AddrDel(v0, address(s)))
		}
	}
}

// A next hop that becomes an address of the node's own is refused in other words.
func TestNextHopThatBecomesOurs(t *testing.T) {
	testVeth().Add(t)
	w := want(t, "2001:db8:1::/48", "fd00:200::2", 256)
	r := run(t, Options{})
	r.set(t, w)
	own := address(t, "fd00:200::2/64")
	own.Flags = unix.IFA_F_NODAD
	ok(t, netlink.AddrAdd(link(t, "v0"), own))
	r.becomes(t, w, "KERNEL_REJECTED", "in the kernel", "errno 22", "Gateway can not be a local address")
	ok(t, netlink.AddrDel(link(t, "v0"), own))
	r.becomes(t, w, "")
}

// Each thing that is missing has a cause of its own, in the kernel's words.
func TestCausesOfTheirOwn(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	off4, off6 := want(t, "10.1.0.0/16", "10.99.0.1", 256), want(t, "2001:db8:1::/48", "fd99::1", 256)
	r.set(t, off4, off6)
	r.becomes(t, off4, "NEXT_HOP_UNREACHABLE", "errno 101", "Nexthop has invalid gateway")
	r.becomes(t, off6, "NEXT_HOP_UNREACHABLE", "errno 113")
	sysctl(t, "ipv6/conf/v0/disable_ipv6", "1")
	global, local := want(t, "2001:db8:2::/48", "fd00:200::2", 256), want(t, "2001:db8:3::/48", "fe80::2", 256)
	r.apply(t, []Want{global, local})
	for _, w := range []Want{off6, global, local} {
		r.becomes(t, w, "IPV6_DISABLED", "v0", "errno ")
	}
	ok(t, os.WriteFile("/proc/sys/net/ipv6/conf/v0/disable_ipv6", []byte("0"), 0))
	ok(t, testVeth().Assign())
	r.becomes(t, global, "")
	r.becomes(t, local, "")
	r.becomes(t, off6, "NEXT_HOP_UNREACHABLE")
}

// Where nobody else is in play, nobody is asked.
func TestNoLookUpsWithoutRivals(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	r.set(t)
	const n = 1000
	before := r.k.Stats()
	r.set(t, manyWants(t, n)...)
	after := r.k.Stats()
	const dumps = 200 // of links, routes and rules, also at events of the new link
	if asked := after.Requests - before.Requests; asked > n+dumps {
		t.Errorf("%d requests for %d routes", asked, n)
	}
}

func TestProbes(t *testing.T) {
	for _, c := range []string{"10.1.0.0/16", "10.1.2.4/30", "10.1.2.4/31", "10.1.2.3/32", "2001:db8::/32", "2001:db8::7/128", "0.0.0.0/0", "::/0"} {
		p := netip.MustParsePrefix(c)
		seen := map[netip.Addr]bool{}
		for n := range maxProbes {
			a := packDst(p).probe(n)
			if !p.Contains(a) {
				t.Errorf("%s: probe %s", p, a)
			}
			seen[a] = true
		}
		if p.Addr().BitLen()-p.Bits() > 4 && len(seen) != maxProbes {
			t.Errorf("%s: probes %v", p, seen)
		}
	}
}

// A device that does not take a route leaves it useless in the kernel.
func TestFlagsAreNoted(t *testing.T) {
	s := slot{}
	for flags, want := range map[rtnl.Flags]flag{rtnl.Dead: flagDown, rtnl.LinkDown | rtnl.Dead: flagDown, rtnl.OffloadFailed: flagRejected, rtnl.Offloaded: 0} {
		if s.setFlags(flags); s.flags&(flagDown|flagRejected) != want {
			t.Errorf("%x: %x", flags, s.flags)
		}
	}
	for flags, want := range map[flag]routes.Cause{flagDown: routes.LinkDown, flagRejected: routes.OffloadFailed, 0: ""} {
		s.flags = flags
		tab := &Table{}
		tab.ports = []port{{nic: NIC{Name: "eth1"}}}
		if e := tab.unusable(&s); e.Cause != want {
			t.Errorf("%x: %+v", flags, e)
		}
	}
}

// What carries our number and is none of ours takes packets until it is deleted,
// and no longer.
func TestShadowOfOurNumberEndsWithIt(t *testing.T) {
	sysctl(t, "ipv6/conf/default/accept_dad", "0") // its end has everything judged again
	testVeth().Add(t)
	for _, c := range []ruled{
		{family: unix.AF_INET, net: "10.1.0.0/16", hop: "10.200.0.2"},
		{family: unix.AF_INET6, net: "2001:db8:1::/48", hop: "fd00:200::2"},
	} {
		rule := c.rule(50)
		rule.Table = 100 // which has no routes: the kernel is asked, and answers with main
		ruleAdd(t, rule)
	}
	wants, held := both(t)
	r := run(t, Options{})
	r.set(t, wants...)
	for range 5 {
		for _, w := range wants {
			ok(t, netlink.RouteReplace(&netlink.Route{
				Dst: ipNet(w.Route.Destination().String()), Priority: int(w.Route.Metric()), Protocol: testProtocol, Type: unix.RTN_PROHIBIT,
			}))
		}
		polltest.Until(t, "ours alone", func() bool { return r.holds(t, held...) })
		r.apply(t, nil) // all that was to do is done
		for _, w := range wants {
			r.wantException(t, w, Exception{State: routes.Programmed})
		}
	}
}
