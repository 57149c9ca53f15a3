package hostvm

import "github.com/hcsroute/hcsroute/routes"

// portSwitches has, by folded alias, the switch that each port was last seen on. A port
// that is gone takes nothing away: its switch is still not the internal one.
type portSwitches map[string]string

// outside is what is known of the switches that lead outside.
type outside struct {
	switches map[string]bool
	// lost: there is a port of which nobody knows the switch, so that any may be its.
	lost bool
}

// note takes over where the ports are, and says which switches lead outside.
// lacking are declared ports that the device does not have.
func (w portSwitches) note(snap *Snapshot, lacking []DeclaredPort) outside {
	for _, p := range snap.Ports {
		if p.Switch != "" && mayLeadOutside(p.Role) {
			w[routes.FoldAlias(p.Alias)] = p.Switch
		}
	}
	o := outside{switches: map[string]bool{"": true}}
	for _, sw := range w {
		o.switches[sw] = true
	}
	for _, d := range lacking {
		_, seen := w[routes.FoldAlias(d.Alias)]
		switch {
		case d.Role != nil && !mayLeadOutside(*d.Role):
		case d.Switch != nil:
			o.switches[*d.Switch] = true
		case !seen:
			o.lost = true
		}
	}
	for folded := range snap.PortProblems {
		if _, seen := w[folded]; !seen {
			o.lost = true
		}
	}
	return o
}

func mayLeadOutside(role routes.PortRole) bool {
	return role != routes.PortRoleHost && role != routes.PortRoleInternal
}

// judgeSwitches finds the internal switch, between the host and the VMs: nodes are
// on it and no port is. A switch looks the same when its port is gone, which may
// have been before this process looked. So only one that cannot be a port's is called
// internal; where there are several, or a port's switch is not known, they are
// PortRoleUnknown. The subnets of both are protected.
func judgeSwitches(snap *Snapshot, o outside) {
	used := map[string]bool{}
	for _, n := range snap.Nodes {
		for _, nic := range n.NICs {
			used[nic.Switch] = true
		}
	}
	var candidates []int
	declared := false // there is an internal switch already
	for i, p := range snap.Ports {
		declared = declared || p.Role == routes.PortRoleInternal
		if p.Role == routes.PortRoleHost && used[p.Alias] && !o.switches[p.Alias] {
			candidates = append(candidates, i)
		}
	}
	role := routes.PortRoleInternal
	if o.lost || declared || len(candidates) > 1 {
		role = routes.PortRoleUnknown
	}
	for _, i := range candidates {
		snap.Ports[i].Role = role
		if role == routes.PortRoleUnknown {
			snap.Diagnostics = append(snap.Diagnostics, Diagnostic{
				Problem: "whether " + snap.Ports[i].Alias + " is the internal switch or that of a port which is gone is not known; its subnets are protected",
				Remedy:  "Declare it in the inventory file with 'role: internal', or as the 'switch' of its port.",
			})
		}
	}
	kinds := map[routes.PortRole]routes.ProtectedKind{
		routes.PortRoleInternal: routes.ProtectedInternal, routes.PortRoleUnknown: routes.ProtectedUnknown,
	}
	for _, p := range snap.Ports {
		kind, guarded := kinds[p.Role]
		for _, a := range p.Addresses {
			if guarded && !a.Addr().IsLinkLocalUnicast() {
				snap.Protected = append(snap.Protected, routes.ProtectPrefix(kind, a))
			}
		}
	}
}
