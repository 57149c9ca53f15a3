package fleet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// fits reports whether a network that a node claims for its NIC is one that the
// inventory knows there, or a part of one. Where the inventory knows none,
// what a node says counts, except for a network that would act as a default route.
func fits(claimed netip.Prefix, nets []netip.Prefix) bool {
	if claimed.Addr().IsLinkLocalUnicast() {
		return true
	}
	if len(nets) == 0 {
		return !routes.ActsAsDefault(claimed)
	}
	return slices.ContainsFunc(nets, func(net netip.Prefix) bool { return routes.Covers(net, claimed.Masked()) })
}

// fitsSingly reports whether a node claims a single address where the inventory
// knows nothing but single addresses: no subnet there could have it, nor a router that is
// on-link by a route to it alone.
func fitsSingly(claimed netip.Prefix, nets []netip.Prefix) bool {
	family := func(net netip.Prefix) bool { return net.Addr().Is4() == claimed.Addr().Is4() }
	wider := func(net netip.Prefix) bool { return family(net) && !net.IsSingleIP() }
	return claimed.IsSingleIP() && slices.ContainsFunc(nets, family) && !slices.ContainsFunc(nets, wider)
}

// fitting is a NIC with those claims that fit; misfits are the others.
func fitting(nic routes.NodeNIC, nets []netip.Prefix) (kept routes.NodeNIC, misfits []string) {
	kept = nic
	kept.Addresses, kept.Connected = nil, nil
	counts := func(claimed netip.Prefix) bool { return fits(claimed, nets) || fitsSingly(claimed, nets) }
	for _, a := range nic.Addresses {
		if counts(a) {
			kept.Addresses = append(kept.Addresses, a)
		} else {
			misfits = append(misfits, "address "+a.String())
		}
	}
	for _, c := range nic.Connected {
		if counts(c.Prefix) {
			kept.Connected = append(kept.Connected, c)
		} else {
			misfits = append(misfits, "network "+c.Prefix.String())
		}
	}
	return kept, misfits
}

// misfits says which facts of its NICs do not count; empty for none. A
// misfit is common, such as a route to one router, and no accusation.
func (l *ledger) misfits(snap *hostvm.Snapshot) string {
	var all []string
	for _, nic := range l.inv.NICs {
		link, ok := l.linkByMAC(nic.MAC)
		if !ok {
			continue
		}
		if _, misfits := fitting(link.NodeNIC, snap.Subnets(nic.Switch)); len(misfits) > 0 {
			all = append(all, fmt.Sprintf("its agent reports %s on %s, outside the subnets that the inventory has on %s; that does not count", routes.Few(misfits), link.Name, nic.Switch))
		}
	}
	return strings.Join(all, "; ")
}
