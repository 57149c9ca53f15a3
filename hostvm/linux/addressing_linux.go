package linux

import (
	"math"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// addressing is how the link gets its addresses. A lease file of a DHCP
// client counts beside a lifetime, because a lease may be endless.
func (v *listing) addressing(l netlink.Link, files leases) routes.Addressing {
	var list []routes.LinkAddress
	for _, a := range v.addrs[l.Attrs().Index] {
		if p, ok := prefixOf(a.IPNet); ok {
			// Nobody leases these, and looking for a lease is many files.
			local := p.Addr().IsLinkLocalUnicast() || p.Addr().IsLoopback()
			leased := expires(a) || a.Protocol == protoRA || !local && files.has(l.Attrs(), p.Addr())
			list = append(list, routes.LinkAddress{Prefix: p, Leased: leased})
		}
	}
	return routes.AddressingOf(list)
}

// protoRA is IFAPROT_KERNEL_RA: the kernel made the address from a router's
// advertisement (linux/if_addr.h, since 5.18).
const protoRA = 2

// expires reports whether the address has a lifetime, which DHCP clients and
// the kernel's SLAAC give. The reverse proves nothing: a lease may be endless.
func expires(a netlink.Addr) bool {
	return a.Flags&unix.IFA_F_PERMANENT == 0 || a.ValidLft != 0 && uint32(a.ValidLft) != math.MaxUint32
}

// mayBePort reports whether a link can be a port when its name looks like one.
// Bonds and teams can, to be refused as what they are.
func mayBePort(l netlink.Link) bool {
	return l.Attrs().RawFlags&unix.IFF_LOOPBACK == 0 && !virtual(l.Type())
}

// virtual is true for the kinds of link that are made of others, or lead into the
// host itself.
func virtual(kind string) bool {
	switch kind {
	case "bridge", "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "vrf", "ifb", "tun", "tuntap",
		"vxlan", "geneve", "gre", "gretap", "ip6gre", "ipip", "sit", "ip6tnl", "wireguard":
		return true
	}
	return false
}
