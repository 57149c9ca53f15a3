//go:build linux

package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	linksInterval = 2 * time.Millisecond
	linksTimeout  = time.Minute
)

// WaitReady waits until every link that is up, and has a carrier, really sends,
// and until its IPv6 addresses receive. The kernel leaves both to workers: it
// drops what a link sends until one has seen the carrier, which takes up to a
// second (recent kernels hurry when asked for the link), and another installs
// the local route of an IPv6 address. Tests that set links down and up call it
// afterwards.
func (l *Lab) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, linksTimeout)
	defer cancel()
	// A bridge has a carrier only once its members send.
	for _, ready := range []func(*NS) (string, error){
		func(n *NS) (string, error) { return n.unreadyLink(false) },
		func(n *NS) (string, error) { return n.unreadyLink(true) },
		(*NS).unreadyAddress,
	} {
		for _, ns := range l.ns {
			if err := ns.waitReady(ctx, ready); err != nil {
				return err
			}
		}
	}
	return nil
}

// waitReady polls until nothing is named as not ready.
func (n *NS) waitReady(ctx context.Context, ready func(*NS) (string, error)) error {
	tick := time.NewTicker(linksInterval)
	defer tick.Stop()
	for {
		what, err := ready(n)
		if err != nil || what == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: %s of %s is not ready: %w", what, n.name, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (n *NS) unreadyLink(bridges bool) (string, error) {
	list, err := n.handle.LinkList()
	if err != nil {
		return "", fmt.Errorf("lab: list the links of %s: %w", n.name, err)
	}
	for _, l := range list {
		if _, bridge := l.(*netlink.Bridge); bridge != bridges || !sends(l.Attrs()) || operational(l.Attrs()) {
			continue
		}
		// Asking for the one link makes the kernel look at its carrier.
		asked, err := n.handle.LinkByIndex(l.Attrs().Index)
		if err != nil {
			return "", fmt.Errorf("lab: link %s of %s: %w", l.Attrs().Name, n.name, err)
		}
		if !operational(asked.Attrs()) {
			return "link " + l.Attrs().Name, nil
		}
	}
	return "", nil
}

// sends is true for a link that is up and has a carrier.
func sends(a *netlink.LinkAttrs) bool {
	return a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0
}

func operational(a *netlink.LinkAttrs) bool {
	return a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown && a.Flags&net.FlagLoopback != 0
}

func (n *NS) unreadyAddress() (string, error) {
	links, err := n.handle.LinkList()
	if err != nil {
		return "", fmt.Errorf("lab: list the links of %s: %w", n.name, err)
	}
	sending := map[int]bool{}
	for _, l := range links {
		sending[l.Attrs().Index] = sends(l.Attrs())
	}
	routes, err := n.handle.RouteListFiltered(netlink.FAMILY_V6,
		&netlink.Route{Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
	if err != nil {
		return "", fmt.Errorf("lab: list the local routes of %s: %w", n.name, err)
	}
	type linkAddr struct {
		link int
		addr netip.Addr
	}
	local := map[linkAddr]bool{}
	for _, r := range routes {
		if addr, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			local[linkAddr{r.LinkIndex, addr}] = true
		}
	}
	addrs, err := n.handle.AddrList(nil, netlink.FAMILY_V6)
	if err != nil {
		return "", fmt.Errorf("lab: list the addresses of %s: %w", n.name, err)
	}
	for _, a := range addrs {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && sending[a.LinkIndex] && !local[linkAddr{a.LinkIndex, addr}] {
			return "address " + addr.String(), nil
		}
	}
	return "", nil
}
