// Package kernel is what the agent needs of a node's kernel: list, change,
// look up and watch the routes of table main, and the facts of its links.
package kernel

import (
	"context"
	"net/netip"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// The kernel's own terms come from package rtnl.
type (
	// Op is one change; see rtnl.Add, rtnl.Append and rtnl.Delete.
	Op = rtnl.Op
	// Result is the outcome of an Op.
	Result = rtnl.Result
	// OpError is the kernel's refusal, with errno and the kernel's words.
	OpError = rtnl.OpError
	// Route is a next hop of any route, with its protocol and all its traits.
	Route = rtnl.Route
	// Flags are what the kernel marks a route with.
	Flags = rtnl.Flags
	// Rule is a policy rule.
	Rule = rtnl.Rule
	// Event is a change that the kernel announced.
	Event = rtnl.Event
)

// The kinds of operations, their outcomes and the kinds of events.
const (
	Add    = rtnl.Add
	Append = rtnl.Append
	Delete = rtnl.Delete

	Unknown = rtnl.Unknown
	Done    = rtnl.Done
	Failed  = rtnl.Failed

	RouteAdded     = rtnl.RouteAdded
	RouteDeleted   = rtnl.RouteDeleted
	LinkChanged    = rtnl.LinkChanged
	AddressChanged = rtnl.AddressChanged
	NextHopChanged = rtnl.NextHopChanged
	RuleChanged    = rtnl.RuleChanged
	OtherTable     = rtnl.OtherTable
	ConfigChanged  = rtnl.ConfigChanged
	Overrun        = rtnl.Overrun

	// ToTable is the action of a policy rule that asks a table.
	ToTable = rtnl.ToTable

	// Marks of the kernel's on a route.
	Dead          = rtnl.Dead
	LinkDown      = rtnl.LinkDown
	OffloadFailed = rtnl.OffloadFailed

	// Selective is the trait of a route that is not for all packets.
	Selective = rtnl.Selective
)

// TypeName is iproute2's name of an rtm_type.
func TypeName(t uint8) string { return rtnl.TypeName(t) }

// Numbers of rtm_protocol, rtm_type and tables, from uapi/linux/rtnetlink.h.
const (
	ProtocolKernel = 2
	TypeUnicast    = rtnl.TypeUnicast
	TableMain      = 254
	TableLocal     = 255
)

// Kernel is a node's kernel. Its methods may be called from several goroutines.
type Kernel interface {
	// Protocol is the rtm_protocol of our routes, 130..185.
	Protocol() uint8
	// List yields our routes, IPv4 before IPv6, one call for each next hop and
	// possibly more; yield must not call the Kernel. What an IPv6 list lacks may
	// be there all the same: Match it. So may what shares its kernel key with
	// another manager's IPv6 route: the kernel lists both under the protocol of
	// the older one, see Route.Joined.
	List(ctx context.Context, yield func(Route)) error
	// Survey yields all routes of table main, of every protocol, as List does.
	Survey(ctx context.Context, yield func(Route)) error
	// Apply carries out ops in order and appends one Result for each to
	// results, whose array it uses. The error is of the transport: ops without
	// an answer are then Unknown.
	Apply(ctx context.Context, ops []Op, results []Result) ([]Result, error)
	// Match returns for each address the route of the tables that it takes, as
	// its next hops, each with its own protocol where that can be found out (else
	// Joined); empty where it takes none. A route or rule that refuses is a Route of
	// that Type without a Destination.
	Match(ctx context.Context, addrs []netip.Addr) ([][]Route, error)
	// Rules returns the policy rules, IPv4 before IPv6, in the order in which
	// they are asked.
	Rules(ctx context.Context) ([]Rule, error)
	// Links returns all links with their addresses and connected routes.
	Links(ctx context.Context) ([]Link, error)
	// Lookup explains which way a packet takes.
	Lookup(ctx context.Context, addr netip.Addr) (Path, error)
	// Watch sends the changes made by others until ctx ends or the subscription
	// fails; then the channel is closed. Changes by Apply are left out.
	Watch(ctx context.Context) (<-chan Event, error)
}

// Link is a network interface of the node.
type Link struct {
	Index  int32
	Name   string
	MAC    string // in lower case, with colons; empty where the link has none
	Perm   string // the permanent MAC, where the device has one
	Kind   string // veth, bridge, ...; "device" for hardware
	Master int32  // index of the bridge, bond or the like it belongs to; 0 for none
	Parent int32  // index of the link it was made on top of (VLAN, macvlan); 0 for none
	Bus    string // of the device: pci, vmbus, ...; empty where it has none
	Up     bool   // administratively
	Lower  bool   // has carrier
	MTU    int    // 0 where it is not known
	NoIPv6 bool   // IPv6 is switched off on it, or its MTU is too small for IPv6
	// Addresses are all but those of scope host, sorted.
	Addresses []Address
	// Connected are its routes without a gateway in table main, whoever wrote
	// them except for ours, sorted.
	Connected []routes.ConnectedRoute
}

// Address is an address of a link.
type Address = routes.LinkAddress

// Addressing judges how the link gets its addresses.
func (l Link) Addressing() routes.Addressing { return routes.AddressingOf(l.Addresses) }

// Path is the way that a packet takes through the node.
type Path struct {
	Found bool // false: the kernel has no way
	// Type is the route's rtm_type; where there is no way, that of the route or
	// rule which refuses (0: there is none). Its Destination is only known if it
	// is in table main.
	Type        uint8
	Destination netip.Prefix // of the route in use
	NextHop     netip.Addr   // unspecified: directly on the link
	Link        int32
	LinkName    string
	LinkMAC     string // empty where the link has none
	Protocol    uint8
	Metric      uint32
	Table       uint32 // 254 is main, 255 local
}
