package kernelfake

import (
	"net/netip"
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// connectedMetric6 is the metric of IPv6 connected routes (IP6_RT_PRIO_ADDRCONF).
const connectedMetric6 = 256

// AddLink adds a link; its addresses get their connected routes if it is up.
func (k *Kernel) AddLink(l kernel.Link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	addrs := l.Addresses
	l.Addresses = nil
	k.links[l.Index] = &l
	k.send(kernel.Event{Kind: kernel.LinkChanged, Link: l.Index, MAC: l.MAC})
	for _, a := range addrs {
		k.addAddress(&l, a)
	}
}

// DeleteLink deletes a link with its routes.
func (k *Kernel) DeleteLink(index int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.links[index]
	k.dropRoutes(func(r kernel.Route) bool { return r.Link == index })
	delete(k.links, index)
	k.send(kernel.Event{Kind: kernel.LinkChanged, Link: index, MAC: l.MAC})
}

// SetUp sets a link up or down. Down takes its routes, those of IPv4 without a
// word, and its IPv6 addresses; up brings the connected routes of what is left.
func (k *Kernel) SetUp(index int32, up bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.links[index]
	l.Up, l.Lower = up, up
	if !up {
		k.dropRoutes(func(r kernel.Route) bool { return r.Link == index })
		l.Addresses = slices.DeleteFunc(l.Addresses, func(a kernel.Address) bool { return a.Prefix.Addr().Is6() })
	} else {
		for _, a := range l.Addresses {
			k.connect(l, a.Prefix)
		}
	}
	k.send(kernel.Event{Kind: kernel.LinkChanged, Link: index, MAC: l.MAC})
}

// AddAddress gives a link an address.
func (k *Kernel) AddAddress(index int32, a kernel.Address) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.addAddress(k.links[index], a)
}

func (k *Kernel) addAddress(l *kernel.Link, a kernel.Address) {
	l.Addresses = append(l.Addresses, a)
	if l.Up {
		k.connect(l, a.Prefix)
	}
	k.send(kernel.Event{Kind: kernel.AddressChanged, Link: l.Index})
}

// DeleteAddress takes an address from a link, with its connected route; with
// the last IPv4 address go all IPv4 routes of the link, silently.
func (k *Kernel) DeleteAddress(index int32, p netip.Prefix) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.links[index]
	l.Addresses = slices.DeleteFunc(l.Addresses, func(a kernel.Address) bool { return a.Prefix == p })
	last := !slices.ContainsFunc(l.Addresses, func(a kernel.Address) bool { return a.Prefix.Addr().Is4() })
	k.dropRoutes(func(r kernel.Route) bool {
		connected := r.Protocol == kernel.ProtocolKernel && r.Destination == p.Masked()
		return r.Link == index && (connected || last && p.Addr().Is4() && r.Destination.Addr().Is4())
	})
	k.send(kernel.Event{Kind: kernel.AddressChanged, Link: index})
}

func (k *Kernel) connect(l *kernel.Link, p netip.Prefix) {
	r := kernel.Route{Protocol: kernel.ProtocolKernel, Type: kernel.TypeUnicast, Table: kernel.TableMain, Legs: 1}
	r.Destination, r.Link, r.NextHop = p.Masked(), l.Index, netip.IPv4Unspecified()
	if p.Addr().Is6() {
		r.NextHop, r.Metric = netip.IPv6Unspecified(), connectedMetric6
	}
	k.routes = append(k.routes, r)
	k.send(kernel.Event{Kind: kernel.RouteAdded, Route: r})
}

// dropRoutes deletes routes as the kernel itself does: it announces only those
// of IPv6 and connected ones.
func (k *Kernel) dropRoutes(match func(kernel.Route) bool) {
	k.routes = slices.DeleteFunc(k.routes, func(r kernel.Route) bool {
		if !match(r) {
			return false
		}
		if r.Table == kernel.TableMain && (r.Destination.Addr().Is6() || r.Protocol == kernel.ProtocolKernel) {
			r.Object = k.name(r)
			k.send(kernel.Event{Kind: kernel.RouteDeleted, Route: r})
		}
		return true
	})
}
