package linux

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/routes"
)

// listing is one reading of the kernel's links and addresses.
type listing struct {
	links []netlink.Link
	index map[int]netlink.Link
	addrs map[int][]netlink.Addr
}

func newListing(links []netlink.Link, addrs []netlink.Addr) *listing {
	v := &listing{links: links, index: map[int]netlink.Link{}, addrs: map[int][]netlink.Addr{}}
	for _, l := range links {
		v.index[l.Attrs().Index] = l
	}
	for _, a := range addrs {
		v.addrs[a.LinkIndex] = append(v.addrs[a.LinkIndex], a)
	}
	return v
}

// maxDepth bounds walks up masters and parents; the kernel allows 8 levels.
const maxDepth = 8

// port is what the listing knows of a link.
func (v *listing) port(l netlink.Link, files leases) routes.Port {
	attrs := l.Attrs()
	p := routes.Port{Alias: attrs.Name, MAC: attrs.HardwareAddr.String(), Link: routes.LinkStateOf(attrs.RawFlags&lowerUp != 0), Role: routes.PortRoleHost}
	carrier := l
	for range maxDepth {
		master, ok := v.index[carrier.Attrs().MasterIndex]
		if !ok {
			break
		}
		carrier = master
		if isBridge(master) {
			p.Switch = master.Attrs().Name
		}
	}
	if carrier != l {
		p.Carrier = carrier.Attrs().Name
	}
	p.Team = v.team(l)
	p.Addresses = prefixesOf(v.addrs[carrier.Attrs().Index])
	p.Addressing = v.addressing(carrier, files)
	return p
}

// lowerUp is IFF_LOWER_UP: the driver reports a carrier (linux/if.h).
const lowerUp = 1 << 16

func isBridge(l netlink.Link) bool { return l.Type() == "bridge" }

func isTeam(l netlink.Link) bool { return l.Type() == "bond" || l.Type() == "team" }

// team names the bond or team that the link is, is a member of at any level,
// lies on, or shares its switch with: such a switch reaches the outside over it.
func (v *listing) team(l netlink.Link) string {
	for range maxDepth {
		if name := v.below(l); name != "" {
			return name
		}
		master, ok := v.index[l.Attrs().MasterIndex]
		if !ok {
			return ""
		}
		if isBridge(master) {
			for _, member := range v.links {
				if member.Attrs().MasterIndex != master.Attrs().Index {
					continue
				}
				if name := v.below(member); name != "" {
					return name
				}
			}
		}
		l = master
	}
	return ""
}

// below looks for a team at the link itself and the links that it lies on, as
// a VLAN lies on its parent.
func (v *listing) below(l netlink.Link) string {
	for range maxDepth {
		if isTeam(l) {
			return l.Attrs().Name
		}
		parent, ok := v.index[l.Attrs().ParentIndex]
		// A veth's parent is its peer, which may have the index in another namespace.
		if !ok || l.Type() == "veth" || l.Attrs().NetNsID >= 0 {
			return ""
		}
		l = parent
	}
	return ""
}

func prefixesOf(addrs []netlink.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		if p, ok := prefixOf(a.IPNet); ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return out
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits), ok
}
