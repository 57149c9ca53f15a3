package routes

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// CheckPort applies the rules that speak of the port alone: whether any route
// on alias would be taken. Its errors are *Error.
func CheckPort(alias string, f Facts) error {
	bad := func(reason Reason, problem, action string) error {
		return &Error{Reason: reason, Field: "interface", Value: alias, Problem: problem, Action: action}
	}
	switch {
	case !f.Known:
		return bad(InventoryUnavailable, "the device's ports could not be read: "+f.Problem, "")
	case !f.Found:
		return &Error{
			Reason: InterfaceNotFound, Field: "interface", Value: alias, Problem: "the device has no such port",
			Action: "Use one of " + strings.Join(f.Ports, ", "), Params: map[string]string{"ports": strings.Join(f.Ports, ", ")},
		}
	}
	port := f.Port
	switch port.Role {
	case PortRoleHost:
		return bad(HostRoute, "an interface of the device host; routes go to the Kubernetes VMs only, never to the host", oneOf(f.Ports))
	case PortRoleInternal:
		return bad(HostRoute, "the internal switch; routes go to the device's ports only", oneOf(f.Ports))
	case PortRoleUnknown:
		return bad(HostRoute, "a switch; whether it is the internal one or that of a port which is gone is not known; routes go to the device's ports only", oneOf(f.Ports))
	case PortRoleManagement:
		return bad(HostRoute, "a management port; routes through it would belong to the device host", oneOf(f.Ports))
	}
	if port.Team != "" {
		return &Error{
			Reason: InterfaceTeamed, Field: "interface", Value: alias, Problem: "part of the NIC team " + port.Team,
			Params: map[string]string{"team": port.Team},
		}
	}
	return checkStatic(alias, f)
}

// oneOf names the ports that take routes; empty, for the table's own advice, where
// none does.
func oneOf(ports []string) string {
	if len(ports) == 0 {
		return ""
	}
	return "Use one of " + strings.Join(ports, ", ")
}

// checkStatic judges the interface that carries the port's IP; a bound port
// whose host side has none is judged by the node NICs.
func checkStatic(alias string, f Facts) error {
	bad := func(problem string) error {
		return &Error{Reason: InterfaceNotStatic, Field: "interface", Value: alias, Problem: problem, Params: map[string]string{"addressing": string(f.Port.Addressing)}}
	}
	switch f.Port.Addressing {
	case AddressingStatic:
		return nil
	case AddressingDHCP:
		return bad("its address comes from DHCP")
	case AddressingLinkLocal:
		return bad("it has a link-local address only")
	case AddressingNone:
		if f.Port.Switch == "" {
			return bad("it has no address")
		}
		var problems []string
		for _, kind := range []Addressing{AddressingDHCP, AddressingLinkLocal} {
			c := f.concerned(func(nic NodeNIC) bool { return nic.Addressing == kind })
			if len(c.nodes) > 0 {
				problems = append(problems, c.say("has", "have")+fmt.Sprintf(" a %s address on it", kind))
			}
		}
		if len(problems) > 0 {
			return bad(strings.Join(problems, ", "))
		}
		return nil
	default:
		return &Error{Reason: InventoryUnavailable, Field: "interface", Value: alias, Problem: "how its address is assigned could not be read"}
	}
}

func checkPolicy(r Route, p Policy) error {
	dst := r.Destination()
	if dst.Bits() < minimumBits(dst.Addr()) && p.DefaultRoutes != Allow {
		return &Error{
			Reason: DefaultRoute, Field: "destination", Value: dst.String(),
			Problem: fmt.Sprintf("shorter than /%d, it would act as a default route", minimumBits(dst.Addr())),
			Params:  map[string]string{"minimum": fmt.Sprint(minimumBits(dst.Addr()))},
		}
	}
	if dst.IsSingleIP() && p.HostDestinations == Refuse {
		return &Error{Reason: HostDestination, Field: "destination", Value: dst.String(), Problem: "a single address, which the policy refuses"}
	}
	return nil
}

func (rules *Rules) checkProtected(r Route) ([]Warning, error) {
	dst := r.Destination()
	first, last := dst.Addr(), lastAddr(dst)
	var warnings []Warning
	for _, list := range [][]Protected{rules.policy.Protected, rules.facts.Protected} {
		for _, guard := range list {
			if guard.First.Is4() != first.Is4() || last.Less(guard.First) || guard.Last.Less(first) {
				continue
			}
			params := map[string]string{"range": guard.Name, "kind": string(guard.Kind)}
			covers := first.Compare(guard.First) <= 0 && guard.Last.Compare(last) <= 0
			equal := first == guard.First && last == guard.Last
			if !covers || equal {
				return nil, &Error{
					Reason: ProtectedPrefix, Field: "destination", Value: dst.String(), Action: guard.Kind.advice(),
					Problem: fmt.Sprintf("it would take over the %s %s", guard.Kind, guard.Name), Params: params,
				}
			}
			if rules.onLink(dst) && (guard.Kind == ProtectedHost || guard.Kind == ProtectedNode || guard.Kind == ProtectedNodes) {
				continue // the rules for connected networks speak of these
			}
			keeps := rules.keeps(guard, dst)
			if !keeps && !rules.policy.mayCover(guard.Kind) {
				return nil, &Error{
					Reason: ProtectedPrefix, Field: "destination", Value: dst.String(), Action: guard.Kind.advice(),
					Problem: fmt.Sprintf("it covers the %s %s, for which the nodes are not known to have a more specific route", guard.Kind, guard.Name), Params: params,
				}
			}
			how := "which has more specific routes in the nodes"
			if !keeps {
				how = "for which the nodes are not known to have a more specific route: its packets may take this one"
			}
			warnings = append(warnings, Warning{
				Code: WarnCoversProtected, Params: params, Message: fmt.Sprintf("%s covers the %s %s, %s", dst, guard.Kind, guard.Name, how),
			})
		}
	}
	return warnings, nil
}

// advice is what to do where such a range refuses a route; empty for the table's own.
func (k ProtectedKind) advice() string {
	if k != ProtectedUnknown {
		return ""
	}
	return "Declare in the inventory file what the switch is: 'role: internal', or as the 'switch' of its port; or use another destination"
}

// keeps says that every node that the route goes to has a more specific route for
// the range. What no node has reported is not known.
func (rules *Rules) keeps(guard Protected, dst netip.Prefix) bool {
	tables := rules.facts.Tables
	return len(tables) > 0 && !slices.ContainsFunc(tables, func(t NodeTable) bool { return !t.keeps(guard, dst) })
}

// mayCover says that the operator allows routes that cover such a range
// although it may have no more specific one.
func (p Policy) mayCover(kind ProtectedKind) bool {
	if kind == ProtectedService || kind == ProtectedExternal {
		return p.CoverServices == Allow
	}
	return p.CoverProtected == Allow
}

// onLink reports whether dst is equal to or inside a network that is connected on the port.
func (rules *Rules) onLink(dst netip.Prefix) bool {
	return slices.ContainsFunc(rules.subnets, func(net netip.Prefix) bool { return Covers(net, dst) })
}

func (rules *Rules) checkGateway(r Route) error {
	f, hop := &rules.facts, r.NextHop()
	for _, a := range f.Port.Addresses {
		if a.Addr() == hop {
			return &Error{Reason: NextHopInvalid, Field: "next_hop", Value: hop.String(), Problem: "an address of the port " + f.Port.Alias + " itself", Action: "Give the address of the router that leads to the destination"}
		}
	}
	for _, nic := range f.NICs {
		for _, a := range nic.Addresses {
			if a.Addr() == hop && !slices.Contains(nic.Claimed, a) {
				return &Error{Reason: NextHopInvalid, Field: "next_hop", Value: hop.String(), Problem: "an address of the node " + nic.Node, Action: "Give the address of the router that leads to the destination"}
			}
		}
	}
	if r.IsDevice() || hop.Is6() && hop.IsLinkLocalUnicast() {
		return nil
	}
	if i := slices.IndexFunc(rules.onLinks, func(n netip.Prefix) bool { return n.Contains(hop) }); i >= 0 {
		return checkSubnetEdge(hop, rules.onLinks[i])
	}
	if len(rules.onLinks) == 0 || rules.alone(hop) {
		return nil // only node facts could decide, and no node has reported yet: the agent judges
	}
	var family []string
	for _, n := range rules.onLinks {
		if n.Addr().Is4() == hop.Is4() {
			family = append(family, n.String())
		}
	}
	list := strings.Join(family, ", ")
	if list == "" {
		list = "none of this address family"
	}
	return &Error{
		Reason: NextHopNotOnLink, Field: "next_hop", Value: hop.String(), Problem: "on no subnet of " + f.Port.Alias,
		Action: "Use a router on one of the subnets of " + f.Port.Alias + ": " + list, Params: map[string]string{"interface": f.Port.Alias, "subnets": list},
	}
}

// claimedHop warns of a next hop that a node says is its own: no more than a
// claim, which must not refuse a route for the other nodes.
func (rules *Rules) claimedHop(hop netip.Addr) []Warning {
	c := rules.facts.concerned(func(nic NodeNIC) bool {
		return slices.ContainsFunc(nic.Claimed, func(a netip.Prefix) bool { return a.Addr() == hop })
	})
	if len(c.nodes) == 0 {
		return nil
	}
	reported := fmt.Sprintf("reported the next hop %s as an address of", hop)
	return []Warning{{
		Code: WarnNextHopOfNode, Params: map[string]string{"node": strings.Join(c.nodes, ", "), "next_hop": hop.String()},
		Message: c.say("has "+reported+" its own", "have "+reported+" their own") + ": if so, the route cannot work there",
	}}
}

// checkSubnetEdge refuses the network and broadcast address of an IPv4 subnet as next hop.
func checkSubnetEdge(hop netip.Addr, n netip.Prefix) error {
	if hop.Is4() && n.Bits() < 31 && (hop == n.Addr() || hop == lastAddr(n)) {
		return &Error{Reason: NextHopInvalid, Field: "next_hop", Value: hop.String(), Problem: "the network or broadcast address of " + n.String()}
	}
	return nil
}

// checkOnLink compares the route with the connected routes of the nodes, and
// with the port's own networks: a report of one node says nothing of another.
func (rules *Rules) checkOnLink(r Route) ([]Warning, error) {
	dst := r.Destination()
	refuse := func(net netip.Prefix, why, action string) error {
		return &Error{
			Reason: OverridesOnLink, Field: "destination", Value: dst.String(), Action: action,
			Problem: fmt.Sprintf("it would take over traffic to the directly connected network %s: %s", net, why),
			Params:  map[string]string{"network": net.String()},
		}
	}
	allowed := rules.policy.OverrideOnLink == Allow
	for _, n := range rules.networks {
		if !allowed && dst != n && Covers(n, dst) {
			return nil, refuse(n, "it is more specific", "")
		}
	}
	if !slices.Contains(rules.networks, dst) {
		return nil, nil
	}
	metrics := make(map[uint32]bool)
	for _, nic := range rules.facts.NICs {
		for _, c := range nic.Connected {
			if c.Prefix == dst {
				metrics[c.Metric] = true
			}
		}
	}
	connected := func(holds func(uint32) bool) concerned {
		return rules.facts.concerned(func(nic NodeNIC) bool {
			return slices.ContainsFunc(nic.Connected, func(c ConnectedRoute) bool { return c.Prefix == dst && holds(c.Metric) })
		})
	}
	var warnings []Warning
	for _, metric := range slices.Backward(slices.Sorted(maps.Keys(metrics))) {
		switch own := uint32(r.Metric()); {
		case own < metric && !allowed:
			below := connected(func(m uint32) bool { return own < m })
			return nil, refuse(dst, fmt.Sprintf("metric %d is below the connected route's %d%s", own, metric, below.on()), higherMetric(metric))
		case own > metric:
			wins := connected(func(m uint32) bool { return m == metric })
			warnings = append(warnings, ShadowedBy(r, fmt.Sprintf("the connected route %s metric %d", dst, metric), wins.names()...))
		}
	}
	return warnings, nil
}

// higherMetric is the advice for a route to a connected network itself; empty,
// so that the table's counts, where the connected route's metric is above all
// that a route of ours can have.
func higherMetric(connected uint32) string {
	if connected > MaxMetric {
		return ""
	}
	return fmt.Sprintf("Use a metric of %d or more, with which the connected route stays in use, or set override_on_link: allow in the service's policy.", connected)
}

// ShadowedBy is the warning that a kernel route wins over r, on all nodes or
// those named.
func ShadowedBy(r Route, winner string, nodes ...string) Warning {
	return Warning{
		Code: WarnShadowed, Params: rivalParams("winner", winner, nodes),
		Message: fmt.Sprintf("%s changes nothing: %s wins %s", r.Destination(), winner, onNodes(nodes)),
	}
}

// SharedWith is the warning that another's next hop takes a part of r's packets.
func SharedWith(r Route, other string, nodes ...string) Warning {
	return Warning{
		Code: WarnShared, Params: rivalParams("other", other, nodes),
		Message: fmt.Sprintf("a part of the packets to %s takes %s %s", r.Destination(), other, onNodes(nodes)),
	}
}

func rivalParams(name, rival string, nodes []string) map[string]string {
	params := map[string]string{name: rival}
	if len(nodes) > 0 {
		params["node"] = strings.Join(nodes, ", ")
	}
	return params
}

func onNodes(nodes []string) string {
	if len(nodes) == 0 {
		return "in the nodes"
	}
	return "on " + Few(nodes)
}

// PortWarnings says what is odd about a port that may take routes.
func PortWarnings(port Port) []Warning {
	if port.Switch != "" && port.Link != LinkStateDown {
		return nil
	}
	var warnings []Warning
	params := map[string]string{"interface": port.Alias}
	if port.Switch == "" {
		warnings = append(warnings, Warning{Code: WarnPortNotCompute, Params: params, Message: port.Alias + " has no external switch; the route waits until compute is enabled on it"})
	}
	if port.Link == LinkStateDown {
		warnings = append(warnings, Warning{Code: WarnInterfaceDown, Params: params, Message: port.Alias + " has no link"})
	}
	return warnings
}

// noLongerAllowed is the warning that a rule refuses what is stored already.
func noLongerAllowed(refusal *Error) Warning {
	params := map[string]string{"reason": string(refusal.Reason), "problem": refusal.Problem}
	return Warning{
		Code: WarnNoLongerAllowed, Params: params,
		Message: fmt.Sprintf("it would be refused now: %s; it stays stored", refusal.Message()),
	}
}

// portChanged warns of what changed about the port of a route that is stored
// already: the route stays.
func portChanged(r Route, f Facts) []Warning {
	params := map[string]string{"interface": r.Interface()}
	if !f.Known {
		return nil
	}
	if !f.Found {
		return []Warning{{Code: WarnInterfaceGone, Params: params, Message: r.Interface() + " does not exist any more; the route stays"}}
	}
	warnings := PortWarnings(f.Port)
	if f.Port.Role != PortRoleData {
		warnings = append(warnings, Warning{
			Code: WarnRoleChanged, Params: map[string]string{"interface": r.Interface(), "role": string(f.Port.Role)},
			Message: fmt.Sprintf("%s has the role %s now; the route stays", r.Interface(), f.Port.Role),
		})
	}
	if f.Port.Team != "" {
		warnings = append(warnings, Warning{Code: WarnNowTeamed, Params: params, Message: fmt.Sprintf("%s is now part of the NIC team %s; the route stays", r.Interface(), f.Port.Team)})
	}
	if ReasonOf(checkStatic(r.Interface(), f)) == InterfaceNotStatic {
		warnings = append(warnings, Warning{Code: WarnNoLongerStatic, Params: params, Message: r.Interface() + " has no static address any more; the route stays"})
	}
	return warnings
}
