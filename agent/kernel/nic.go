package kernel

import (
	"slices"
	"strings"
)

// Links of these kinds do not take over, as a bridge does, for the links that
// belong to them: addresses and routes stay their own, or are another link's.
const (
	kindVRF         = "vrf"
	kindOpenVSwitch = "openvswitch"
)

// busSynthetic is the bus of Hyper-V's own NICs. The virtual function that
// comes with accelerated networking has the same MAC, and is a slave of such a
// NIC except for its first moment.
const busSynthetic = "vmbus"

// FindNIC finds the link that bears a port's MAC for the node's routes: that of
// several which is the only synthetic NIC, the only one with an address, the
// one in use, or the only one that is up, in this order. Where that leaves
// several, none is returned, and candidates has them all.
func FindNIC(links []Link, mac string, inUse int32) (nic Link, candidates []Link) {
	candidates = bearers(links, mac)
	for _, better := range []func(Link) bool{
		func(l Link) bool { return l.Bus == busSynthetic },
		Link.addressed,
		func(l Link) bool { return l.Index == inUse },
		func(l Link) bool { return l.Up },
	} {
		if some := filter(candidates, better); len(some) > 0 {
			candidates = some
		}
	}
	if len(candidates) == 1 {
		nic = candidates[0]
	}
	return nic, candidates
}

// bearers are the links that a MAC may stand for. One made on top of another
// bearer (VLAN, macvlan) is left out; for one that belongs to a bridge or bond,
// that counts.
func bearers(links []Link, mac string) (list []Link) {
	if mac == "" {
		return nil
	}
	have := filter(links, func(l Link) bool { return strings.EqualFold(l.MAC, mac) || strings.EqualFold(l.Perm, mac) })
	for _, l := range have {
		if l.Parent != 0 && l.Parent != l.Index && slices.ContainsFunc(have, func(o Link) bool { return o.Index == l.Parent }) {
			continue
		}
		l = top(links, l)
		if l.Kind == kindOpenVSwitch && l.Master == 0 && !strings.EqualFold(l.MAC, mac) {
			continue // the switch itself, which has no addresses: a port of it has
		}
		if !slices.ContainsFunc(list, func(o Link) bool { return o.Index == l.Index }) {
			list = append(list, l)
		}
	}
	return list
}

// top is the master of a link's master, and so on.
func top(links []Link, l Link) Link {
	for range links { // no longer than there are links
		i := slices.IndexFunc(links, func(m Link) bool { return m.Index == l.Master })
		if l.Master == 0 || i < 0 || links[i].Kind == kindVRF {
			break
		}
		l = links[i]
	}
	return l
}

// addressed says that the link has an address by which it can be reached.
func (l Link) addressed() bool {
	return slices.ContainsFunc(l.Addresses, func(a Address) bool { return !a.Prefix.Addr().IsLinkLocalUnicast() })
}

func filter(links []Link, want func(Link) bool) (list []Link) {
	for _, l := range links {
		if want(l) {
			list = append(list, l)
		}
	}
	return list
}
