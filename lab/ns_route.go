//go:build linux

package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RouteSpec is a route to add.
type RouteSpec struct {
	Destination netip.Prefix
	// NextHop is empty for a device route.
	NextHop netip.Addr
	Link    string
	// Metric zero leaves it to the kernel: 0 in IPv4, 1024 in IPv6.
	Metric int
	// Protocol zero means static.
	Protocol int
}

// Routes returns the main table of a family, netlink.FAMILY_V4 or FAMILY_V6,
// in the kernel's order.
func (n *NS) Routes(family int) ([]netlink.Route, error) {
	list, err := n.handle.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("lab: list the routes of %s: %w", n.name, err)
	}
	return list, nil
}

// AddRoute adds a route to the main table; it never replaces one.
func (n *NS) AddRoute(s RouteSpec) error {
	r, err := n.kernelRoute(s)
	if err != nil {
		return err
	}
	if err := n.handle.RouteAdd(r); err != nil {
		return fmt.Errorf("lab: add route %s via %s on %s in %s: %w", s.Destination, s.NextHop, s.Link, n.name, err)
	}
	return nil
}

// DelRoute deletes the route that has the same table, destination, metric,
// next hop, link and protocol.
func (n *NS) DelRoute(r netlink.Route) error {
	// Any other scope must match, and what a dump shows does not always.
	r.Scope = netlink.SCOPE_NOWHERE
	if err := n.handle.RouteDel(&r); err != nil {
		return fmt.Errorf("lab: delete route %s in %s: %w", r, n.name, err)
	}
	return nil
}

func (n *NS) kernelRoute(s RouteSpec) (*netlink.Route, error) {
	l, err := n.Link(s.Link)
	if err != nil {
		return nil, err
	}
	r := &netlink.Route{
		Table: unix.RT_TABLE_MAIN, Dst: ipNet(s.Destination), LinkIndex: l.Attrs().Index, Priority: s.Metric,
		Protocol: netlink.RouteProtocol(s.Protocol), Type: unix.RTN_UNICAST,
	}
	if s.Protocol == 0 {
		r.Protocol = unix.RTPROT_STATIC
	}
	if s.NextHop.IsValid() {
		r.Gw = s.NextHop.AsSlice()
	} else {
		r.Scope = netlink.SCOPE_LINK
	}
	return r, nil
}
