package hostvm

import (
	"net/netip"
)

// Subnets are the networks that the inventory knows on a switch: those of its
// port, or of the host's own interface on it, and of the nodes' NICs as declared.
func (s *Snapshot) Subnets(sw string) (nets []netip.Prefix) {
	add := func(p netip.Prefix) {
		if !p.Addr().IsLinkLocalUnicast() {
			nets = append(nets, p.Masked())
		}
	}
	for _, p := range s.Ports {
		if p.Switch == sw || p.Alias == sw {
			for _, a := range p.Addresses {
				add(a)
			}
		}
	}
	for _, n := range s.Nodes {
		for _, nic := range n.NICs {
			if nic.Switch == sw {
				for _, a := range nic.Addresses {
					add(a)
				}
			}
		}
	}
	return nets
}
