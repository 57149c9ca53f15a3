package routes

import (
	"net/netip"
	"slices"
)

// Addressing says how an interface gets its addresses.
type Addressing string

// The kinds of addressing. AddressingUnknown is the zero value and proves nothing.
const (
	AddressingUnknown   Addressing = ""
	AddressingStatic    Addressing = "static"
	AddressingDHCP      Addressing = "dhcp"
	AddressingLinkLocal Addressing = "link-local"
	AddressingNone      Addressing = "none"
)

// LinkAddress is an address that a link has.
type LinkAddress struct {
	Prefix netip.Prefix // address and subnet length, not masked
	// Leased says that it has a lifetime: DHCP, or an IPv6 router advertisement.
	Leased bool
}

// AddressingOf judges how a link gets its addresses, on the host and in the
// nodes alike. IPv4 decides where there is any: an IPv6 address from a router's
// advertisement beside a static IPv4 one is usual. IPv6 link-local addresses
// say nothing, every link has one; those of IPv4 (APIPA, RFC 3927) say that no
// other was to be had.
func AddressingOf(addresses []LinkAddress) Addressing {
	var static4, leased4, static6, leased6, apipa bool
	for _, a := range addresses {
		switch addr := a.Prefix.Addr(); {
		case addr.IsLinkLocalUnicast():
			apipa = apipa || addr.Is4()
		case addr.Is4():
			leased4, static4 = leased4 || a.Leased, static4 || !a.Leased
		default:
			leased6, static6 = leased6 || a.Leased, static6 || !a.Leased
		}
	}
	switch {
	case leased4:
		return AddressingDHCP
	case static4:
		return AddressingStatic
	case apipa:
		return AddressingLinkLocal
	case static6:
		return AddressingStatic
	case leased6:
		return AddressingDHCP
	}
	return AddressingNone
}

// PortRole is what a port is for.
type PortRole string

// The roles of ports. Only PortRoleData ports take routes.
const (
	PortRoleData       PortRole = ""           // a device port for data or compute
	PortRoleManagement PortRole = "management" // declared as management only
	PortRoleInternal   PortRole = "internal"   // internal switch or its vNIC
	PortRoleHost       PortRole = "host"       // loopback, management vNIC, other interface of the host itself
	PortRoleUnknown    PortRole = "unknown"    // a switch that may be internal, or that of a port which is gone
)

// LinkState says whether a port has a carrier.
type LinkState string

// The states of a link. LinkStateUnknown is the zero value: of a port that the device
// does not have now, nobody knows.
const (
	LinkStateUnknown LinkState = ""
	LinkStateUp      LinkState = "up"
	LinkStateDown    LinkState = "down"
)

// LinkStateOf is the state of a link of which it is known whether it is up.
func LinkStateOf(up bool) LinkState {
	if up {
		return LinkStateUp
	}
	return LinkStateDown
}

// Port is what the inventory knows of one interface of the device.
type Port struct {
	Alias      string
	AltNames   []string // other names that mean the same port
	MAC        string
	Link       LinkState
	Role       PortRole
	Addressing Addressing
	// Addresses are those of the interface that carries the port's IP
	// (bridge, vEthernet, or the port itself), with their subnet lengths.
	Addresses []netip.Prefix
	// Carrier names that interface where it is not the port itself.
	Carrier string
	// Team names the team or bond that the port is, is a member of, or whose
	// switch it is on; empty where it is none of these.
	Team string
	// Switch is the external switch bound to the port; empty where none is,
	// which means that compute is not enabled on it.
	Switch string
}

// TakesRoutes reports whether the port's own facts allow routes on it.
func (p Port) TakesRoutes() bool {
	addressed := p.Addressing == AddressingStatic || p.Addressing == AddressingNone && p.Switch != ""
	return p.Role == PortRoleData && p.Team == "" && addressed
}

// ConnectedRoute is a kernel route to a directly connected network in a node.
type ConnectedRoute struct {
	Prefix netip.Prefix
	Metric uint32 // as the kernel has it; 0 exists for IPv4
}

// NodeNIC is what an agent, or the inventory, says of the NIC that a node has on a
// port's external switch.
type NodeNIC struct {
	Node       string // node name
	MAC        string
	Addressing Addressing
	Addresses  []netip.Prefix
	// Claimed are those of Addresses that come from the node's agent alone.
	Claimed []netip.Prefix
	// Connected are the NIC's connected routes; empty until an agent reports.
	Connected []ConnectedRoute
}

// NodeTable is a part of a node's routing tables.
type NodeTable struct {
	Node      string
	Own       []netip.Addr   // its own addresses
	Connected []netip.Prefix // of all NICs that the inventory lists
}

// keeps says that addresses in the range take another route than one to dst.
func (t NodeTable) keeps(guard Protected, dst netip.Prefix) bool {
	return guard.First == guard.Last && slices.Contains(t.Own, guard.First) ||
		slices.ContainsFunc(t.Connected, func(c netip.Prefix) bool {
			return c.Bits() > dst.Bits() && c.Contains(guard.First) && c.Contains(guard.Last)
		})
}

// ProtectedKind says what a protected range belongs to.
type ProtectedKind string

// The kinds of protected ranges.
const (
	ProtectedPods     ProtectedKind = "pod subnet"
	ProtectedService  ProtectedKind = "service subnet"
	ProtectedExternal ProtectedKind = "external service range"
	ProtectedNodes    ProtectedKind = "node range"
	ProtectedInternal ProtectedKind = "internal switch"
	ProtectedUnknown  ProtectedKind = "possible internal switch" // of PortRoleUnknown
	ProtectedHost     ProtectedKind = "host address"
	ProtectedNode     ProtectedKind = "node address"
	ProtectedPolicy   ProtectedKind = "protected prefix"
)

// Protected is a range of addresses that routes must not take over.
type Protected struct {
	Kind  ProtectedKind
	First netip.Addr
	Last  netip.Addr // inclusive
	// Name is what an operator reads: "172.27.0.0/16", "10.0.10.11 of k8s-master".
	Name string
}

// ProtectPrefix protects the addresses of p.
func ProtectPrefix(kind ProtectedKind, p netip.Prefix) Protected {
	p = p.Masked()
	return Protected{Kind: kind, First: p.Addr(), Last: lastAddr(p), Name: p.String()}
}

// ProtectAddr protects one address; owner is whose it is.
func ProtectAddr(kind ProtectedKind, a netip.Addr, owner string) Protected {
	a = a.Unmap().WithZone("")
	return Protected{Kind: kind, First: a, Last: a, Name: a.String() + " of " + owner}
}

func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().As16() // IPv4 in its last 32 bits
	for i := 128 - p.Addr().BitLen() + p.Bits(); i < 128; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		return last.Unmap()
	}
	return last
}

// Permission is a policy switch: refuse or allow. The zero value takes the
// default of the switch.
type Permission string

// The two permissions.
const (
	Allow  Permission = "allow"
	Refuse Permission = "refuse"
)

// Policy is the operator's part of the rules. The zero value is the default:
// single addresses allowed, everything else refused.
type Policy struct {
	DefaultRoutes    Permission // default refuse
	HostDestinations Permission // default allow
	CoverServices    Permission // routes covering the service or external range; default refuse
	CoverProtected   Permission // routes covering others without a more specific route; default refuse
	OverrideOnLink   Permission // routes that take over on-link traffic; default refuse
	Protected        []Protected
}

// Facts is what is known of the device for a route on one port.
type Facts struct {
	// Known reports whether the ports' facts could be read at all; Problem says
	// why not.
	Known   bool
	Problem string
	// Port is the port that the alias names; Found false where there is none.
	Port  Port
	Found bool
	// Ports are all aliases that take routes, for messages.
	Ports []string
	// NICs are the nodes' NICs on the port's switch, as far as known.
	NICs []NodeNIC
	// Tables are what is known of the routing tables of the nodes with a NIC on
	// the port's switch, one for each.
	Tables []NodeTable
	// Protected are the device's own ranges: host and node addresses, the
	// internal switch. The policy's are in Policy.
	Protected []Protected
}
