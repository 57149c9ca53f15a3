package table

import (
	"maps"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/nstest"
)

// twin is a second link with the NIC's MAC.
type twin int

const (
	noTwin    twin = iota
	bareTwin       // down, without an address: a VF before it is enslaved
	fullTwin       // up, with an address of another network
	aboveTwin      // made on top of the NIC
	twins
)

// world changes links and addresses; the kernel takes routes of all with them.
func (s *besieged) world() {
	defer s.recount()
	nic := link(s, "v0")
	switch s.random.IntN(6) {
	case 0:
		s.note("NIC down")
		s.down = true
		ok(s, netlink.LinkSetDown(nic))
	case 1:
		s.note("carrier off")
		s.dark = true
		ok(s, netlink.LinkSetDown(link(s, "v1")))
	case 2:
		s.note("addresses away")
		s.bare = true
		for _, a := range s.veths[0].Addresses {
			addr, err := netlink.ParseAddr(a)
			ok(s, err)
			_ = netlink.AddrDel(nic, addr) // it may be away already
		}
	case 3:
		s.double()
	default:
		s.lift()
	}
}

// double adds a second link with the NIC's MAC.
func (s *besieged) double() {
	if s.twin != noTwin {
		return
	}
	s.twin = 1 + twin(s.random.IntN(int(twins)-1))
	s.note("twin %d", s.twin)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = "t0", net.HardwareAddr{2, 0, 0, 0, 0, 1}
	switch s.twin {
	case aboveTwin:
		attrs.ParentIndex = s.links[0]
		ok(s, netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PASSTHRU}))
	default:
		ok(s, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "t1"}))
	}
	if s.twin == fullTwin {
		ok(s, nstest.Veth{Name: "t0", Addresses: []string{"10.206.0.1/24"}}.Assign())
		ok(s, netlink.LinkSetUp(link(s, "t0")))
	}
}

// restart ends the agent, wherever it is, and starts it again.
func (s *besieged) restart() {
	s.open()
	s.stop()
	s.unclear = s.twin == fullTwin && !s.holdsAny()
	s.start()
	s.gen++
	s.note("restart with %v", slices.Collect(maps.Keys(s.desired)))
	s.SetDesired(Set{Generation: s.gen, Routes: slices.Values(slices.Collect(maps.Values(s.desired)))})
	s.rest()
}

// holdsAny reports whether the kernel has a desired route of the agent's.
func (s *besieged) holdsAny() bool {
	all := readMain(s)
	for _, w := range s.desired {
		r := w.Route
		if slices.ContainsFunc(all, func(h hop) bool {
			return h.protocol == testProtocol && h.link == s.links[0] && h.kind == unix.RTN_UNICAST && h.extra == "" &&
				h.dst == r.Destination() && h.metric == int(r.Metric()) && h.via == r.NextHop()
		}) {
			return true
		}
	}
	return false
}

// lift undoes what world did.
func (s *besieged) lift() {
	s.note("links as they were")
	if s.twin != noTwin {
		ok(s, netlink.LinkDel(link(s, "t0")))
	}
	ok(s, netlink.LinkSetUp(link(s, "v1")))
	ok(s, netlink.LinkSetUp(link(s, "v0")))
	ok(s, nstest.Veth{Name: "v0", Addresses: s.veths[0].Addresses}.Assign())
	s.twin, s.unclear, s.down, s.dark, s.bare = noTwin, false, false, false, false
}
