package linux

import (
	"math"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// addressing tells how the link gets its addresses. IPv4 decides where there
// is any: an IPv6 address from a router's advertisement beside a static IPv4
// one is usual. IPv6 link-local addresses say nothing, every link has one;
// those of IPv4 (RFC 3927) say that no other was to be had.
func (v *view) addressing(l netlink.Link, files leases) routes.Addressing {
	var static4, leased4, static6, leased6, apipa bool
	for _, a := range v.addrs[l.Attrs().Index] {
		p, ok := prefixOf(a.IPNet)
		if !ok {
			continue
		}
		local := p.Addr().IsLinkLocalUnicast()
		switch {
		case p.Addr().Is4() && local:
			apipa = true
		case local:
		case p.Addr().Is4():
			leased := expires(a) || files.has(l.Attrs(), p.Addr())
			leased4, static4 = leased4 || leased, static4 || !leased
		default:
			leased := expires(a) || a.Protocol == protoRA || files.has(l.Attrs(), p.Addr())
			leased6, static6 = leased6 || leased, static6 || !leased
		}
	}
	switch {
	case leased4:
		return routes.AddressingDHCP
	case static4:
		return routes.AddressingStatic
	case apipa:
		return routes.AddressingLinkLocal
	case static6:
		return routes.AddressingStatic
	case leased6:
		return routes.AddressingDHCP
	}
	return routes.AddressingNone
}

// protoRA is IFAPROT_KERNEL_RA: the kernel made the address from a router's
// advertisement (linux/if_addr.h, since 5.18).
const protoRA = 2

// expires tells whether the address has a lifetime, which DHCP clients and
// the kernel's SLAAC give. The reverse proves nothing: a lease may be endless.
func expires(a netlink.Addr) bool {
	return a.Flags&unix.IFA_F_PERMANENT == 0 || a.ValidLft != 0 && uint32(a.ValidLft) != math.MaxUint32
}

// mayBePort tells whether a link can be a port when its name looks like one.
// Bonds and teams can, to be refused as what they are.
func mayBePort(l netlink.Link) bool {
	return l.Attrs().RawFlags&unix.IFF_LOOPBACK == 0 && !virtual(l.Type())
}

// virtual tells the kinds of link that are made of others, or lead into the
// host itself.
func virtual(kind string) bool {
	switch kind {
	case "bridge", "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "vrf", "ifb", "tun", "tuntap",
		"vxlan", "geneve", "gre", "gretap", "ip6gre", "ipip", "sit", "ip6tnl", "wireguard":
		return true
	}
	return false
}
