package routes

import (
	"cmp"
	"net/netip"
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
