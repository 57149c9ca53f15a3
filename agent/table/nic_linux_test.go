package table

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/routes"
)

func addLink(t *testing.T, l netlink.Link, mac string) netlink.Link {
	t.Helper()
	if mac != "" {
		address, err := net.ParseMAC(mac)
		ok(t, err)
		l.Attrs().HardwareAddr = address
	}
	ok(t, netlink.LinkAdd(l))
	t.Cleanup(func() { _ = netlink.LinkDel(l) })
	return l
}

func named(name string, parent int) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name, a.ParentIndex = name, parent
	return a
}

// Another link with the NIC's MAC, of whatever kind and state, takes no route away.
func TestLinksWithTheMACOfTheNIC(t *testing.T) {
	for name, twin := range map[string]func(t *testing.T, parent int){
		"macvlan": func(t *testing.T, parent int) {
			ok(t, netlink.LinkSetUp(addLink(t, &netlink.Macvlan{LinkAttrs: named("over", parent), Mode: netlink.MACVLAN_MODE_PASSTHRU}, testMAC)))
			ok(t, netlink.AddrAdd(link(t, "over"), address(t, "10.205.0.1/24")))
		},
		"down": func(t *testing.T, _ int) {
			addLink(t, &netlink.Veth{LinkAttrs: named("w0", 0), PeerName: "w1"}, testMAC)
		},
		"up with an address": func(t *testing.T, _ int) {
			nstest.Veth{Name: "w0", Peer: "w1", MAC: testMAC, Addresses: []string{"10.206.0.1/24"}}.Add(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			parent := testVeth().Add(t)
			var log lines
			r := run(t, log.options())
			wants, held := both(t)
			r.set(t, wants...)
			twin(t, parent)
			late := want(t, "10.3.0.0/16", "10.200.0.2", 256)
			r.apply(t, []Want{late})
			r.wantException(t, late, Exception{State: routes.Programmed})
			if !r.holds(t, slices.Insert(held, 1, "10.3.0.0/16 10.200.0.2")...) || len(r.excs) > 0 || log.count("withdrawn") > 0 {
				t.Errorf("the kernel holds %v, exceptions %v", r.held(t), r.excs)
			}
		})
	}
}

// What is programmed stays while it is unclear which link is the NIC, also when
// the agent starts so; what is new waits, and one NIC goes on.
func TestUnclearNICKeepsRoutes(t *testing.T) {
	testVeth().Add(t)
	wants, held := both(t)
	first := run(t, Options{})
	first.set(t, wants...)
	first.stop()
	twin := nstest.Veth{Name: "w0", Peer: "w1", MAC: testMAC, Addresses: []string{"10.206.0.1/24"}}
	twin.Add(t)
	r := run(t, Options{})
	late := want(t, "10.3.0.0/16", "10.200.0.2", 256)
	r.set(t, append(wants, late)...)
	r.wait(t, "the link in use", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, slices.Insert(held, 1, "10.3.0.0/16 10.200.0.2")...) || r.last.Counters.Writes > 1 {
		t.Errorf("the kernel holds %v after %d writes", r.held(t), r.last.Counters.Writes)
	}
	r.stop()
	other := run(t, Options{})
	other.set(t) // nothing of ours is left that shows which link it is
	other.set(t, wants...)
	for _, w := range wants {
		other.wantException(t, w, Exception{State: routes.Waiting, Cause: routes.NICAmbiguous}, "v0", "w0")
	}
	twin.Remove()
	other.wait(t, "one NIC", func() bool { return len(other.excs) == 0 })
	if !other.holds(t, held...) {
		t.Errorf("the kernel holds %v", other.held(t))
	}
}

// The NIC in a bridge means the bridge, whatever MAC that has.
func TestEnslavedNICMeansItsMaster(t *testing.T) {
	for _, mac := range []string{testMAC, "02:00:00:00:00:77"} {
		t.Run(mac, func(t *testing.T) {
			v := testVeth()
			v.Addresses = nil
			v.Add(t)
			bridge := addLink(t, &netlink.Bridge{LinkAttrs: named("br0", 0)}, mac)
			ok(t, netlink.LinkSetUp(bridge))
			ok(t, netlink.LinkSetMaster(link(t, "v0"), bridge))
			for _, a := range testVeth().Addresses {
				addr := address(t, a)
				addr.Flags = unix.IFA_F_NODAD
				ok(t, netlink.AddrAdd(bridge, addr))
			}
			r := run(t, Options{})
			wants, held := both(t)
			r.set(t, wants...)
			r.wait(t, "both", func() bool { return len(r.excs) == 0 })
			if !r.holds(t, held...) || int(r.last.NICs[0].Link) != bridge.Attrs().Index {
				t.Errorf("the kernel holds %v, NICs %+v", r.held(t), r.last.NICs)
			}
		})
	}
}

// Routes never leave the kernel without a word.
func TestWithdrawalIsTold(t *testing.T) {
	testVeth().Add(t)
	var log lines
	r := run(t, log.options())
	wants, held := both(t)
	r.set(t, wants...)
	away, err := net.ParseMAC("02:00:00:00:00:99")
	ok(t, err)
	back, err := net.ParseMAC(testMAC)
	ok(t, err)
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), away))
	r.wait(t, "both without a NIC", func() bool { return len(r.excs) == 2 && len(r.last.Withdrawn) > 0 })
	if got := fmt.Sprint(r.last.Withdrawn); got != "[{Port3 2 no link has the MAC "+testMAC+"}]" {
		t.Errorf("reported: %s", got)
	}
	polltest.Until(t, "both to leave the kernel", func() bool { return r.holds(t) })
	if log.count("routes were withdrawn from the kernel") == 0 || log.count(testMAC) == 0 {
		t.Errorf("the log has %s", log.all.String())
	}
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), back))
	r.wait(t, "both back", func() bool { return len(r.excs) == 0 && len(r.last.Withdrawn) == 0 })
	if !r.holds(t, held...) {
		t.Errorf("the kernel holds %v", r.held(t))
	}
	// A route that is not desired any more was not withdrawn.
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), away))
	r.wait(t, "both without a NIC", func() bool { return len(r.excs) == 2 })
	r.apply(t, nil, wants[0].Route.Key())
	r.wait(t, "one", func() bool { return len(r.last.Withdrawn) == 1 && r.last.Withdrawn[0].Routes == 1 })
}

// A withdrawal is reported also where the NIC becomes another link, which cannot
// take the routes yet or refuses them.
func TestWithdrawalToAnotherLink(t *testing.T) {
	for name, networks := range map[string][]string{"no address": nil, "another network": {"10.206.0.1/24", "fd00:206::1/64"}} {
		t.Run(name, func(t *testing.T) {
			testVeth().Add(t)
			var log lines
			r := run(t, log.options())
			wants, held := both(t)
			r.set(t, wants...)
			bridge := addLink(t, &netlink.Bridge{LinkAttrs: named("br0", 0)}, "02:00:00:00:00:77")
			ok(t, netlink.LinkSetUp(bridge))
			give := func(networks []string) {
				for _, n := range networks {
					addr := address(t, n)
					addr.Flags = unix.IFA_F_NODAD
					ok(t, netlink.AddrAdd(bridge, addr))
				}
			}
			give(networks)
			ok(t, netlink.LinkSetMaster(link(t, "v0"), bridge))
			r.wait(t, "both away, and reported as withdrawn", func() bool {
				return len(r.excs) == 2 && len(r.last.Withdrawn) == 1 && r.last.Withdrawn[0].Routes == 2
			})
			polltest.Until(t, "both to leave the kernel", func() bool { return r.holds(t) })
			if log.count("routes were withdrawn from the kernel") == 0 {
				t.Errorf("the log has %s", log.all.String())
			}
			give(testVeth().Addresses)
			r.wait(t, "both back", func() bool { return len(r.excs) == 0 && len(r.last.Withdrawn) == 0 })
			if !r.holds(t, held...) {
				t.Errorf("the kernel holds %v", r.held(t))
			}
		})
	}
}

// Connected is what the kernel takes for on-link, whoever wrote it: an address
// with noprefixroute has its route from a network manager.
func TestConnectedRouteOfAnotherManager(t *testing.T) {
	v := testVeth()
	v.Addresses = nil
	index := v.Add(t)
	addr := address(t, "10.200.0.1/24")
	addr.Flags = unix.IFA_F_NOPREFIXROUTE
	ok(t, netlink.AddrAdd(link(t, "v0"), addr))
	device := &netlink.Route{Dst: address(t, "10.200.0.0/24").IPNet, LinkIndex: index, Protocol: foreignProtocol, Scope: netlink.SCOPE_LINK, Priority: 100}
	ok(t, netlink.RouteAdd(device))
	r := run(t, Options{})
	inside, lower, higher := want(t, "10.200.0.128/25", "10.200.0.2", 256), want(t, "10.200.0.0/24", "10.200.0.3", 50), want(t, "10.200.0.0/24", "10.200.0.2", 256)
	r.set(t, inside, lower, higher)
	for _, w := range []Want{inside, lower} {
		r.wantException(t, w, Exception{State: routes.Failed, Cause: routes.OnLinkOverride}, "10.200.0.0/24")
	}
	if !r.holds(t, "10.200.0.0/24 10.200.0.2") {
		t.Errorf("the kernel holds %v", r.held(t))
	}
	// It comes and goes while the agent runs. Without it, no router is on-link.
	second := &netlink.Route{Dst: address(t, "10.201.0.0/24").IPNet, LinkIndex: index, Protocol: foreignProtocol, Scope: netlink.SCOPE_LINK}
	late := want(t, "10.201.0.0/25", "10.200.0.2", 256)
	r.apply(t, []Want{late})
	r.wantException(t, late, Exception{State: routes.Programmed})
	ok(t, netlink.RouteAdd(second))
	r.wait(t, "refusal", func() bool { return r.excs[late.Route.Key()].Cause == routes.OnLinkOverride })
	ok(t, netlink.RouteDel(second))
	r.wait(t, "its end", func() bool { return r.excs[late.Route.Key()].Cause == "" })
}

// A router that a route of its own, or a peer's address, puts on the link is a
// next hop, although no subnet of the NIC has it.
func TestNextHopByARouteToItAlone(t *testing.T) {
	for name, peer := range map[string]bool{"host route": false, "peer": true} {
		t.Run(name, func(t *testing.T) {
			v := testVeth()
			v.Addresses = nil
			index := v.Add(t)
			addr := address(t, "10.200.0.1/32")
			if peer {
				addr.Peer = address(t, "10.99.0.1/32").IPNet
			}
			ok(t, netlink.AddrAdd(link(t, "v0"), addr))
			if !peer {
				ok(t, netlink.RouteAdd(&netlink.Route{Dst: address(t, "10.99.0.1/32").IPNet, LinkIndex: index, Protocol: foreignProtocol, Scope: netlink.SCOPE_LINK}))
			}
			r := run(t, Options{})
			w := want(t, "10.1.0.0/16", "10.99.0.1", 256)
			r.set(t, w)
			r.wantException(t, w, Exception{State: routes.Programmed})
			links, err := r.k.Links(t.Context())
			ok(t, err)
			if n := slices.IndexFunc(links, func(l kernel.Link) bool { return l.Name == "v0" }); !slices.ContainsFunc(links[n].Connected, func(c routes.ConnectedRoute) bool { return c.Prefix.String() == "10.99.0.1/32" }) {
				t.Errorf("connected: %v", links[n].Connected)
			}
		})
	}
}

func address(t *testing.T, s string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(s)
	ok(t, err)
	return a
}
