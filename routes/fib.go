package routes

import (
	"cmp"
	"net/netip"
	"strconv"
)

// FIBEntry is a route of ours in kernel-normal form: what table main of a node
// holds, or should hold. Comparable.
type FIBEntry struct {
	Destination netip.Prefix
	NextHop     netip.Addr // unspecified address: a device route
	Link        int32      // interface index
	Metric      uint32
}

// FIBKey is what the kernel keeps one route per: destination and metric (in
// table main, TOS 0). IPv6 would join a second next hop as a multipath sibling.
type FIBKey struct {
	Destination netip.Prefix
	Metric      uint32
}

// Key is the entry's kernel key.
func (e FIBEntry) Key() FIBKey { return FIBKey{e.Destination, e.Metric} }

// Compare orders entries by destination, metric, next hop and link.
func (e FIBEntry) Compare(o FIBEntry) int {
	return cmp.Or(
		e.Destination.Addr().Compare(o.Destination.Addr()),
		cmp.Compare(e.Destination.Bits(), o.Destination.Bits()),
		cmp.Compare(e.Metric, o.Metric),
		e.NextHop.Compare(o.NextHop),
		cmp.Compare(e.Link, o.Link),
	)
}

// ProtocolName names an rtm_protocol number that nodes really use
// (uapi/linux/rtnetlink.h, iproute2's rt_protos); another is the number itself.
func ProtocolName(number uint32) string {
	switch number {
	case 1:
		return "redirect"
	case 2:
		return "kernel"
	case 3:
		return "boot"
	case 4:
		return "static"
	case 9:
		return "ra"
	case 11:
		return "zebra"
	case 12:
		return "bird"
	case 16:
		return "dhcp"
	case 17:
		return "mrouted or kube-router"
	case 18:
		return "keepalived"
	case 80:
		return "calico"
	case 186:
		return "bgp"
	case 188:
		return "ospf"
	case 196:
		return "static (FRR)"
	}
	return strconv.FormatUint(uint64(number), 10)
}
