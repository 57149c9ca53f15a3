package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/netlist"
	"github.com/hcsroute/hcsroute/routes"
)

// Links implements Kernel.
func (k *Linux) Links(ctx context.Context) ([]Link, error) {
	list, err := netlist.Whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	links := make([]Link, 0, len(list))
	at := make(map[int32]int, len(list))
	for _, l := range list {
		a := l.Attrs()
		at[int32(a.Index)] = len(links)
		links = append(links, Link{
			Index: int32(a.Index), Name: a.Name, Kind: l.Type(), Master: int32(a.MasterIndex), Parent: parent(l), Bus: a.ParentDevBus,
			MAC: a.HardwareAddr.String(), Perm: a.PermHWAddr.String(),
			MTU: a.MTU, Up: a.RawFlags&unix.IFF_UP != 0, Lower: a.RawFlags&unix.IFF_LOWER_UP != 0,
		})
	}
	addrs, err := netlist.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, unix.AF_UNSPEC) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		i, ok := at[int32(a.LinkIndex)]
		ip, valid := netip.AddrFromSlice(a.IP)
		if !ok || !valid || a.Scope == unix.RT_SCOPE_HOST {
			continue
		}
		ones, _ := a.Mask.Size()
		if v4 := a.IP.To4(); v4 != nil {
			ip = ip.Unmap()
		}
		links[i].Addresses = append(links[i].Addresses, Address{
			Prefix: netip.PrefixFrom(ip, ones),
			Leased: a.Flags&unix.IFA_F_PERMANENT == 0,
		})
	}
	err = k.conn.DumpOthers(ctx, k.protocol, func(r rtnl.Route) {
		if i, ok := at[r.Link]; ok && connects(r) {
			links[i].Connected = append(links[i].Connected, routes.ConnectedRoute{Prefix: r.Destination, Metric: r.Metric})
		}
	})
	for i := range links {
		links[i].normalise()
		links[i].NoIPv6 = withoutIPv6(&links[i])
	}
	return links, err
}

// connects says that the kernel takes a route's destinations for neighbours on
// its link, whoever wrote it: with noprefixroute another does. A default route
// without a gateway is no network.
func connects(r rtnl.Route) bool {
	return r.Type == TypeUnicast && r.NextHop.IsUnspecified() && r.Destination.Bits() > 0 && r.Traits&rtnl.Selective == 0
}

// parent is the link below; 0 where there is none here. The other end of a veth
// is not below it, and an index of another namespace means nothing in this one.
func parent(l netlink.Link) int32 {
	if a := l.Attrs(); a.NetNsID < 0 && l.Type() != "veth" {
		return int32(a.ParentIndex)
	}
	return 0
}

// withoutIPv6 is true for a link on which IPv6 is switched off, and for one that
// Linux has taken IPv6 from as its MTU is too small. One that has an IPv6
// address, as nearly all have that are up, need not be asked.
func withoutIPv6(l *Link) bool {
	if !l.Up || slices.ContainsFunc(l.Addresses, func(a Address) bool { return a.Prefix.Addr().Is6() }) {
		return false
	}
	value, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + l.Name + "/disable_ipv6")
	if err != nil { // a link without the file has no IPv6 at all
		return errors.Is(err, fs.ErrNotExist)
	}
	return strings.TrimSpace(string(value)) == "1"
}

// normalise sorts what the kernel gives in no order, so that facts compare.
func (l *Link) normalise() {
	slices.SortFunc(l.Addresses, func(a, b Address) int { return comparePrefixes(a.Prefix, b.Prefix) })
	slices.SortFunc(l.Connected, func(a, b routes.ConnectedRoute) int {
		return cmp.Or(comparePrefixes(a.Prefix, b.Prefix), cmp.Compare(a.Metric, b.Metric))
	})
	l.Connected = slices.Compact(l.Connected)
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// onLink notes a path's link by name and MAC; none of both where it is gone again.
func (p *Path) onLink() error {
	l, err := netlink.LinkByIndex(int(p.Link))
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("link %d: %w", p.Link, err)
	}
	p.LinkName, p.LinkMAC = l.Attrs().Name, l.Attrs().HardwareAddr.String()
	return nil
}
