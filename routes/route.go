package routes

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Metric limits. DefaultMetric is that of NetTCPIP's New-NetRoute; 0 does not
// exist for IPv6 in Linux (it becomes 1024), so it is refused for both families.
const (
	MinMetric     = 1
	MaxMetric     = 65535
	DefaultMetric = 256
)

// maxAlias is NetTCPIP's limit for an interface alias, in characters.
const maxAlias = 256

// Route is a valid custom route. The zero value is not one: use New or Parse.
// Routes are comparable; the interface keeps the spelling it was made with.
type Route struct {
	destination netip.Prefix
	nextHop     netip.Addr
	iface       string
	metric      uint16
}

// Fields are a route's parts, typed but not yet checked.
type Fields struct {
	Interface   string // alias of the port
	Destination netip.Prefix
	NextHop     netip.Addr // unspecified address: a device route
	Metric      uint32     // 1..65535
}

// Text is a route as an operator writes it.
type Text struct {
	Interface   string
	Destination string
	NextHop     string
	Metric      int64 // 1..65535; callers put DefaultMetric where none was given
}

// New checks the rules that need no facts and returns the route. Its errors
// are *Error with the Reasons DESTINATION_*, NEXT_HOP_INVALID,
// METRIC_OUT_OF_RANGE and INTERFACE_NOT_FOUND.
func New(f Fields) (Route, error) {
	iface, err := CheckAlias(f.Interface)
	if err != nil {
		return Route{}, err
	}
	dst, err := checkDestination(f.Destination)
	if err != nil {
		return Route{}, err
	}
	if err := checkNextHop(f.NextHop, dst); err != nil {
		return Route{}, err
	}
	if err := CheckMetric(int64(f.Metric)); err != nil {
		return Route{}, err
	}
	return Route{destination: dst, nextHop: f.NextHop, iface: iface, metric: uint16(f.Metric)}, nil
}

// Parse reads a route from an operator's text; see New for its errors.
func Parse(t Text) (Route, error) {
	dst, err := ParseDestination(t.Destination)
	if err != nil {
		return Route{}, err
	}
	hop, err := ParseNextHop(t.NextHop, t.Interface)
	if err != nil {
		return Route{}, err
	}
	if err := CheckMetric(t.Metric); err != nil {
		return Route{}, err
	}
	return New(Fields{Interface: t.Interface, Destination: dst, NextHop: hop, Metric: uint32(t.Metric)})
}

// CheckMetric refuses what is not in 1..65535 (METRIC_OUT_OF_RANGE).
func CheckMetric(m int64) error {
	if m >= MinMetric && m <= MaxMetric {
		return nil
	}
	return &Error{Reason: MetricOutOfRange, Field: "metric", Value: fmt.Sprint(m), Problem: fmt.Sprintf("not in %d..%d", MinMetric, MaxMetric)}
}

func checkNextHop(hop netip.Addr, dst netip.Prefix) error {
	bad := func(problem string) error {
		return &Error{Reason: NextHopInvalid, Field: "next_hop", Value: hop.String(), Problem: problem}
	}
	switch {
	case !hop.IsValid():
		return &Error{Reason: NextHopInvalid, Field: "next_hop", Value: `""`, Problem: "not an IP address"}
	case hop.Zone() != "":
		return bad("a next hop's zone is its interface; write it without")
	case hop.Is4In6():
		return bad("an IPv4 address written as IPv6; write it as " + hop.Unmap().String())
	case hop.Is4() != dst.Addr().Is4():
		return bad("of another address family than the destination " + dst.String())
	case hop.IsUnspecified():
		return nil
	case hop.IsLoopback(), hop.IsMulticast(), hop == netip.AddrFrom4([4]byte{255, 255, 255, 255}), hop.Is4() && hop.As4()[0] == 0:
		return bad("not a unicast address of a router")
	case dst.IsSingleIP() && dst.Addr() == hop:
		return bad("the destination cannot be its own next hop")
	}
	return nil
}

// CheckAlias trims an interface alias and refuses what cannot be one.
func CheckAlias(s string) (string, error) {
	alias := strings.TrimSpace(s)
	if alias == "" || len(alias) > maxAlias || strings.ContainsFunc(alias, func(r rune) bool { return r < ' ' || r == 0x7f || r == '*' || r == '?' || r == 0xfffd }) {
		problem := "not an interface alias"
		if strings.ContainsAny(alias, "*?") {
			problem += "; no wildcard is taken here"
		}
		return "", &Error{Reason: InterfaceNotFound, Field: "interface", Value: fmt.Sprintf("%.64q", s), Problem: problem}
	}
	return alias, nil
}

// Destination is the masked destination prefix.
func (r Route) Destination() netip.Prefix { return r.destination }

// NextHop is the next hop; unspecified for a device route.
func (r Route) NextHop() netip.Addr { return r.nextHop }

// Interface is the port's alias.
func (r Route) Interface() string { return r.iface }

// Metric is the route's metric, 1..65535; lower is preferred.
func (r Route) Metric() uint16 { return r.metric }

// IsZero is true for the zero value, which is no route.
func (r Route) IsZero() bool { return r.metric == 0 }

// IsDevice is true for a device route: its destination is on the link itself.
func (r Route) IsDevice() bool { return r.nextHop.IsUnspecified() }

// WithInterface returns r with the alias spelled as the device spells it.
func (r Route) WithInterface(alias string) (Route, error) {
	f := r.Fields()
	f.Interface = alias
	return New(f)
}

// Fields returns the route's parts.
func (r Route) Fields() Fields {
	return Fields{Interface: r.iface, Destination: r.destination, NextHop: r.nextHop, Metric: uint32(r.metric)}
}

// String is the route as the CLI prints it on one line.
func (r Route) String() string {
	if r.IsZero() {
		return "(no route)"
	}
	return fmt.Sprintf("%s via %s on %s metric %d", r.destination, r.nextHop, r.iface, r.metric)
}

// Key identifies a route: destination, interface, next hop. The metric is its
// value. Comparable; the interface is folded to lower case.
type Key struct {
	Destination netip.Prefix
	NextHop     netip.Addr
	Interface   string
}

// Key returns the route's identity.
func (r Route) Key() Key {
	return Key{Destination: r.destination, NextHop: r.nextHop, Interface: FoldAlias(r.iface)}
}

// SameKey reports whether r and o have one Key, and allocates less than two of them.
func (r Route) SameKey(o Route) bool {
	return r.nextHop == o.nextHop && r.destination == o.destination &&
		(r.iface == o.iface || FoldAlias(r.iface) == FoldAlias(o.iface))
}

// FoldAlias is the form in which aliases are compared: without regard to case.
func FoldAlias(alias string) string { return strings.ToLower(alias) }

// String is the key as messages show it.
func (k Key) String() string {
	return fmt.Sprintf("%s via %s on %s", k.Destination, k.NextHop, k.Interface)
}

// Compare orders keys by interface, destination address, prefix length and
// next hop; IPv4 comes before IPv6. The store's key encoding has the same order.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		strings.Compare(k.Interface, o.Interface),
		k.Destination.Addr().Compare(o.Destination.Addr()),
		cmp.Compare(k.Destination.Bits(), o.Destination.Bits()),
		k.NextHop.Compare(o.NextHop),
	)
}
