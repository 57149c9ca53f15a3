//go:build linux

package lab

import (
	"net"
	"net/netip"
)

// plan is a network as data: what is to be made, in order of the fields.
type plan struct {
	namespaces []planNS
	bridges    []planLink
	cables     []cable
	routes     []planRoute
	nats       []nat
	// returns are the routes that replace nats where the kernel has none.
	returns []planRoute
}

type planNS struct {
	name    string
	forward bool
}

// planLink is a bridge, or one end of a cable.
type planLink struct {
	ns, name string
	alias    string
	// master is the bridge that the link is a member of.
	master    string
	mac       net.HardwareAddr
	addresses []Address
}

// cable is a veth pair.
type cable struct{ a, b planLink }

type planRoute struct {
	ns   string
	spec RouteSpec
}

// nat masquerades what comes from source, leaves by out (any link if empty)
// and does not go to except (nowhere if invalid).
type nat struct {
	ns             string
	source, except netip.Prefix
	out            string
}

// prefixes parses constants of the plan.
func prefixes(list ...string) []Address {
	out := make([]Address, 0, len(list))
	for _, s := range list {
		out = append(out, Address{Prefix: netip.MustParsePrefix(s)})
	}
	return out
}

// mac returns the fixed address of the n-th link of a kind.
func mac(kind macKind, n int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x15, 0x5d, byte(kind), byte(n >> 8), byte(n)}
}

// macKind keeps the fixed addresses of different links apart.
type macKind byte

const (
	macPort macKind = iota
	macNodeInternal
	macNodeExternal
	macPod
	macSwitch
	macPeer
	macGateway
	macCamera
	macSwitchPort
)

// route returns a route of the plan, from constants.
func route(ns, link, destination, nextHop string) planRoute {
	return planRoute{ns: ns, spec: RouteSpec{
		Destination: netip.MustParsePrefix(destination), NextHop: netip.MustParseAddr(nextHop), Link: link,
	}}
}
