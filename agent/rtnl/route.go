package rtnl

import (
	"fmt"

	"github.com/hcsroute/hcsroute/routes"
)

// Route is one next hop of a route as the kernel describes it. Comparable.
type Route struct {
	routes.FIBEntry
	Table     uint32 // 254 is main
	Flags     Flags
	NextHopID uint32 // of the next-hop object that it uses; 0 for none
	Protocol  uint8  // rtm_protocol
	Type      uint8  // rtm_type; see TypeName
	// Legs is the number of next hops that were described together: those of
	// one route, or of the IPv6 routes of one kernel key.
	Legs uint16
	Leg  uint16 // its place among them, from 0
	// Joined says that Protocol is not known: Linux describes the IPv6 routes
	// of one kernel key together, with the protocol of the first of them, and
	// this is another.
	Joined bool
	// Traits are what the route has and none of ours has.
	Traits Traits
	// Object names a route with Traits for its deletion, where its entry and
	// protocol do not; events aside, only a route of ours has it.
	Object string
}

// Plain says that the route is just its entry and protocol, as ours are.
func (r Route) Plain() bool { return r.Traits == 0 }

// Flags are rtm_flags, and the next hop's rtnh_flags, which do not overlap.
type Flags uint32

// The flags that the kernel sets; others are of the route's writer.
const (
	Dead          Flags = 1 << 0  // RTNH_F_DEAD: not used
	Offloaded     Flags = 1 << 3  // RTNH_F_OFFLOAD
	LinkDown      Flags = 1 << 4  // RTNH_F_LINKDOWN: no carrier
	OffloadFailed Flags = 1 << 29 // RTM_F_OFFLOAD_FAILED
)

// Traits are what distinguishes a route from a plain one of its kernel key,
// next hop and link: a route of ours has none.
type Traits uint16

// The traits.
const (
	OfType    Traits = 1 << iota // not unicast
	OfScope                      // another scope than its next hop asks for
	ByObject                     // its next hop is a next-hop object
	Multipath                    // one of several next hops of one route
	Source                       // a preferred source address
	Metrics                      // mtu, advmss, ...
	Flagged                      // onlink, pervasive
	Weighted                     // a weight within its group
	Decorated                    // encapsulation, realm, router preference, expiry, IPv4 via IPv6
	Selective                    // not for all packets: type of service, source prefix
)

// String lists the traits in words for an operator.
func (t Traits) String() string {
	s, sep := "", ""
	for i, name := range []string{
		"another type", "another scope", "a next-hop object", "several next hops", "a source address",
		"metrics such as mtu", "next-hop flags", "a weight", "other attributes", "a type of service or source prefix",
	} {
		if t&(1<<i) != 0 {
			s, sep = s+sep+name, ", "
		}
	}
	return s
}

// Numbers of rtm_type that have a meaning here.
const (
	TypeUnicast     = 1
	TypeBlackhole   = 6
	TypeUnreachable = 7
	TypeProhibit    = 8
	TypeThrow       = 9
)

// TypeName is iproute2's name of an rtm_type.
func TypeName(t uint8) string {
	names := [...]string{
		"unspecified", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type %d", t)
}
