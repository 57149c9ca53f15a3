package routes

import (
	"net/netip"
	"slices"
)

// Rules are the rules for the routes of one port: what depends on the port
// alone is worked out once. They are not changed by use, nor may anybody
// change the facts and the policy that they were made from.
type Rules struct {
	facts  Facts
	policy Policy

	takesRoutes bool           // CheckPort has nothing against the port
	subnets     []netip.Prefix // of the port, from the host's side and the nodes'
	networks    []netip.Prefix // connected, as the port or a node has them
	onLinks     []netip.Prefix // where a next hop can be: those, and what the nodes' kernels call on-link
	warnings    []Warning      // about the port
}

// NewRules makes the rules for the port that f speaks of.
func NewRules(f Facts, p Policy) *Rules {
	rules := &Rules{
		facts: f, policy: p, takesRoutes: CheckPort(f.Port.Alias, f) == nil, subnets: subnets(f), onLinks: onLinks(f),
	}
	rules.networks = slices.Clip(rules.subnets)
	for _, nic := range f.NICs {
		for _, c := range nic.Connected {
			if !slices.Contains(rules.networks, c.Prefix) {
				rules.networks = append(rules.networks, c.Prefix)
			}
		}
	}
	rules.warnings = slices.Clip(PortWarnings(f.Port))
	return rules
}

// Check applies the rules that need facts of the device and the operator's
// policy. It returns what the operator should know of an accepted route, or
// the first refusal as an *Error. The warnings are shared: nobody may write to
// them.
func (rules *Rules) Check(r Route) ([]Warning, error) {
	if !rules.takesRoutes {
		return nil, CheckPort(r.Interface(), rules.facts)
	}
	if err := checkPolicy(r, rules.policy); err != nil {
		return nil, err
	}
	warnings, err := rules.checkProtected(r)
	if err != nil {
		return nil, err
	}
	if err := rules.checkGateway(r); err != nil {
		return nil, err
	}
	shadow, err := rules.checkOnLink(r)
	if err != nil {
		return nil, err
	}
	warnings = append(warnings, rules.claimedHop(r.NextHop())...)
	if warnings = append(warnings, shadow...); len(warnings) == 0 {
		return rules.warnings, nil
	}
	return append(warnings, rules.warnings...), nil
}

// Stored says what the operator should know of a route that is stored already:
// it stays, whatever the rules make of it now. What would refuse it is a warning,
// about the port or NO_LONGER_ALLOWED. What is not known yet, as after each start
// of the service, is no refusal: whether the nodes keep more specific routes to
// what it covers, and on which networks the NICs of a silent node are.
func (rules *Rules) Stored(r Route) []Warning {
	if warnings, err := rules.Check(r); err == nil {
		return warnings
	}
	var warnings []Warning
	take := func(more []Warning, err error) {
		if warnings = append(warnings, more...); err != nil {
			warnings = append(warnings, noLongerAllowed(AsError(err, BadRequest)))
		}
	}
	covering := *rules
	covering.policy.CoverServices, covering.policy.CoverProtected = Allow, Allow
	take(portChanged(r, rules.facts), checkPolicy(r, rules.policy))
	take(covering.checkProtected(r))
	if err := rules.checkGateway(r); ReasonOf(err) != NextHopNotOnLink || !rules.untold() {
		take(nil, err)
	}
	take(rules.checkOnLink(r))
	return append(warnings, rules.claimedHop(r.NextHop())...)
}

// untold says that a node has not reported what its NIC is connected to.
func (rules *Rules) untold() bool {
	return slices.ContainsFunc(rules.facts.NICs, func(nic NodeNIC) bool { return len(nic.Connected) == 0 })
}

// Check judges one route by the rules for its port.
func Check(r Route, f Facts, p Policy) ([]Warning, error) { return NewRules(f, p).Check(r) }

// subnets are the networks of the port, from the host's side and the nodes'.
func subnets(f Facts) []netip.Prefix {
	var nets []netip.Prefix
	add := func(p netip.Prefix) {
		if p.Addr().IsLinkLocalUnicast() {
			return
		}
		if p = p.Masked(); !slices.Contains(nets, p) {
			nets = append(nets, p)
		}
	}
	for _, a := range f.Port.Addresses {
		add(a)
	}
	for _, nic := range f.NICs {
		for _, a := range nic.Addresses {
			add(a)
		}
	}
	return nets
}

// onLinks are the networks that a next hop can be in. A subnet of one address
// has none but its owner; a router may be on-link by a route to it alone.
func onLinks(f Facts) []netip.Prefix {
	own := make(map[netip.Addr]bool)
	for _, a := range f.Port.Addresses {
		own[a.Addr()] = true
	}
	for _, nic := range f.NICs {
		for _, a := range nic.Addresses {
			own[a.Addr()] = true
		}
	}
	nets := subnets(f)
	for _, nic := range f.NICs {
		for _, c := range nic.Connected {
			if c.Prefix.Bits() > 0 && !c.Prefix.Addr().IsLinkLocalUnicast() && !slices.Contains(nets, c.Prefix) {
				nets = append(nets, c.Prefix)
			}
		}
	}
	return slices.DeleteFunc(nets, func(n netip.Prefix) bool { return n.IsSingleIP() && own[n.Addr()] })
}

// alone says that a NIC has an address of a's family without a subnet, and no
// node has reported yet what is on-link there in this family.
func (rules *Rules) alone(a netip.Addr) bool {
	reported := func(nic NodeNIC) bool {
		return slices.ContainsFunc(nic.Connected, func(c ConnectedRoute) bool { return c.Prefix.Addr().Is4() == a.Is4() })
	}
	single := func(n netip.Prefix) bool { return n.IsSingleIP() && n.Addr().Is4() == a.Is4() }
	return slices.ContainsFunc(rules.subnets, single) && !slices.ContainsFunc(rules.facts.NICs, reported)
}
