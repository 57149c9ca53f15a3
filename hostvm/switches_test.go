package hostvm_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// TestASwitchWhosePortIsGoneIsNotInternal: what a switch without a port is follows
// from what was seen and declared, and is unknown where neither says it. Only the
// subnets of a switch that is or may be internal are protected.
func TestASwitchWhosePortIsGoneIsNotInternal(t *testing.T) {
	const internal, of3 = "vswitch-internal", "vswitch-Port3"
	sw := func(name, address string) routes.Port {
		return routes.Port{Alias: name, Role: routes.PortRoleHost, Addresses: []netip.Prefix{prefix(address)}}
	}
	switches := []routes.Port{sw(internal, "10.0.10.1/24"), sw(of3, "192.168.20.10/24")}
	there, gone := &hostvm.Snapshot{Ports: append([]routes.Port{port3()}, switches...)}, &hostvm.Snapshot{Ports: switches}
	renamed := &hostvm.Snapshot{Ports: append([]routes.Port{{Alias: "eth9", Role: routes.PortRoleHost, Switch: of3, Carrier: of3}}, switches...)}
	twice := &hostvm.Snapshot{Ports: renamed.Ports, PortProblems: map[string]string{"port3": "two links"}}
	alone := &hostvm.Snapshot{Ports: switches[1:]}
	declare := func(p hostvm.DeclaredPort) []hostvm.DeclaredPort { return []hostvm.DeclaredPort{p} }
	bare := declare(hostvm.DeclaredPort{Alias: "port3"})
	for name, c := range map[string]struct {
		facts     []*hostvm.Snapshot // one after the other
		declared  []hostvm.DeclaredPort
		onPort3   routes.PortRole
		onPrivate routes.PortRole
	}{
		"it is there":                    {[]*hostvm.Snapshot{there}, nil, routes.PortRoleHost, routes.PortRoleInternal},
		"seen before":                    {[]*hostvm.Snapshot{there, gone}, nil, routes.PortRoleHost, routes.PortRoleInternal},
		"seen before and declared":       {[]*hostvm.Snapshot{there, gone}, bare, routes.PortRoleHost, routes.PortRoleInternal},
		"renamed":                        {[]*hostvm.Snapshot{there, renamed}, nil, routes.PortRoleHost, routes.PortRoleInternal},
		"its name is of two now":         {[]*hostvm.Snapshot{there, twice}, nil, routes.PortRoleHost, routes.PortRoleInternal},
		"never seen":                     {[]*hostvm.Snapshot{gone}, nil, routes.PortRoleUnknown, routes.PortRoleUnknown},
		"never seen, but back":           {[]*hostvm.Snapshot{gone, there}, nil, routes.PortRoleHost, routes.PortRoleInternal},
		"never seen, declared":           {[]*hostvm.Snapshot{gone}, bare, routes.PortRoleUnknown, routes.PortRoleUnknown},
		"the switch is declared":         {[]*hostvm.Snapshot{gone}, declare(hostvm.DeclaredPort{Alias: "Port3", Switch: ptr(of3)}), routes.PortRoleHost, routes.PortRoleInternal},
		"the internal one is declared":   {[]*hostvm.Snapshot{gone}, declare(hostvm.DeclaredPort{Alias: internal, Role: ptr(routes.PortRoleInternal)}), routes.PortRoleUnknown, routes.PortRoleInternal},
		"the only switch, port declared": {[]*hostvm.Snapshot{alone}, bare, routes.PortRoleUnknown, ""},
		"the only switch, name of two":   {[]*hostvm.Snapshot{{Ports: alone.Ports, PortProblems: twice.PortProblems}}, nil, routes.PortRoleUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			facts, declared := &inventory{}, &declarations{}
			facts.Set(c.facts[0])
			declared.Set(&hostvm.Declared{Ports: c.declared, Nodes: []hostvm.Node{{ID: "a", Name: "a", NICs: []hostvm.NIC{{MAC: "x", Switch: internal}, {MAC: "y", Switch: of3}}}}})
			composed := hostvm.Compose(facts, declared)
			for _, next := range c.facts[1:] {
				facts.Set(next)
				hostvm.Renew(composed)
			}
			snap := composed.Current()
			for alias, want := range map[string]struct {
				role   routes.PortRole
				subnet string
			}{of3: {c.onPort3, "192.168.20.0"}, internal: {c.onPrivate, "10.0.10.0"}} {
				p, ok := snap.Port(alias)
				if ok != (want.role != "") || ok && p.Role != want.role {
					t.Errorf("%s: %+v, found %v; want role %q", alias, p, ok, want.role)
				}
				var kind routes.ProtectedKind
				if i := slices.IndexFunc(snap.Protected, func(g routes.Protected) bool { return g.First.String() == want.subnet }); i >= 0 {
					kind = snap.Protected[i].Kind
				}
				if wanted := map[routes.PortRole]routes.ProtectedKind{routes.PortRoleInternal: routes.ProtectedInternal, routes.PortRoleUnknown: routes.ProtectedUnknown}[want.role]; kind != wanted {
					t.Errorf("the subnet of %s is protected as %q, want %q", alias, kind, wanted)
				}
			}
			if nets := snap.Subnets(of3); !slices.Contains(nets, prefix("192.168.20.0/24")) {
				t.Errorf("the subnets of %s are %v", of3, nets)
			}
		})
	}
}
