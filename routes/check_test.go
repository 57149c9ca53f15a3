package routes_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

func mustParse(t *testing.T, destination, hop string, metric int64) routes.Route {
	t.Helper()
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: destination, NextHop: hop, Metric: metric})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// device is the vendor's diagram: Port3 static with an external switch, one
// node with a NIC on it.
func device() (routes.Facts, routes.Policy) {
	facts := routes.Facts{
		Known: true, Found: true, Ports: []string{"Port2", "Port3"},
		Port: routes.Port{
			Alias: "Port3", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Switch: "vswitch-Port3",
			Addresses: prefixes("192.168.20.10/24", "fd00:20::10/64"),
		},
		NICs: []routes.NodeNIC{{
			Node: "k8s-master", Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.11/24", "fd00:20::11/64"),
			Connected: []routes.ConnectedRoute{{Prefix: netip.MustParsePrefix("192.168.20.0/24"), Metric: 0}, {Prefix: netip.MustParsePrefix("fd00:20::/64"), Metric: 256}},
		}},
		Tables: []routes.NodeTable{{Node: "k8s-master", Own: []netip.Addr{netip.MustParseAddr("10.0.10.11")}, Connected: prefixes("192.168.20.0/24", "10.0.10.0/24")}},
		Protected: []routes.Protected{
			routes.ProtectAddr(routes.ProtectedHost, netip.MustParseAddr("192.168.20.10"), "192.168.20.10"),
			routes.ProtectPrefix(routes.ProtectedInternal, netip.MustParsePrefix("10.0.10.0/24")),
		},
	}
	policy := routes.Policy{Protected: []routes.Protected{
		routes.ProtectPrefix(routes.ProtectedPods, netip.MustParsePrefix("172.27.0.0/16")),
		routes.ProtectPrefix(routes.ProtectedService, netip.MustParsePrefix("172.28.0.0/16")),
		{Kind: routes.ProtectedExternal, First: netip.MustParseAddr("10.80.0.10"), Last: netip.MustParseAddr("10.80.0.20"), Name: "10.80.0.10-10.80.0.20"},
	}}
	return facts, policy
}

func coverProtected(_ *routes.Facts, p *routes.Policy) { p.CoverProtected = routes.Allow }

// guard protects a prefix as the host's own.
func guard(prefix string) func(*routes.Facts, *routes.Policy) {
	return func(f *routes.Facts, _ *routes.Policy) {
		f.Protected = append(f.Protected, routes.ProtectPrefix(routes.ProtectedHost, netip.MustParsePrefix(prefix)))
	}
}

// alone has the port's and the node's IPv4 addresses without a subnet, with
// connected routes as the node reports them.
func alone(connected ...string) func(*routes.Facts, *routes.Policy) {
	return func(f *routes.Facts, _ *routes.Policy) {
		f.Port.Addresses = prefixes("192.168.20.10/32", "fd00:20::10/64")
		f.NICs[0].Addresses = prefixes("192.168.20.11/32", "fd00:20::11/64")
		f.NICs[0].Connected = nil
		for _, c := range prefixes(connected...) {
			f.NICs[0].Connected = append(f.NICs[0].Connected, routes.ConnectedRoute{Prefix: c})
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		destination, hop string
		metric           int64
		change           func(*routes.Facts, *routes.Policy)
		reason           routes.Reason
		says             string
	}{
		"unknown inventory":  {change: func(f *routes.Facts, _ *routes.Policy) { f.Known, f.Problem = false, "netlink: EPERM" }, reason: routes.InventoryUnavailable, says: "netlink: EPERM"},
		"unknown port":       {change: func(f *routes.Facts, _ *routes.Policy) { f.Found = false }, reason: routes.InterfaceNotFound, says: "Port2, Port3"},
		"unknown addressing": {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Addressing = "" }, reason: routes.InventoryUnavailable},
		"internal switch":    {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Role = routes.PortRoleInternal }, reason: routes.HostRoute, says: "internal switch"},
		"host interface":     {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Role = routes.PortRoleHost }, reason: routes.HostRoute, says: "never to the host"},
		"management port":    {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Role = routes.PortRoleManagement }, reason: routes.HostRoute, says: "management"},
		"team":               {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Team = "Team1" }, reason: routes.InterfaceTeamed, says: "Team1"},
		"DHCP":               {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Addressing = routes.AddressingDHCP }, reason: routes.InterfaceNotStatic, says: "DHCP"},
		"APIPA":              {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Addressing = routes.AddressingLinkLocal }, reason: routes.InterfaceNotStatic},
		"no address":         {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Addressing, f.Port.Switch = routes.AddressingNone, "" }, reason: routes.InterfaceNotStatic, says: "no address"},
		"node NIC with DHCP": {change: func(f *routes.Facts, _ *routes.Policy) {
			f.Port.Addressing, f.NICs[0].Addressing = routes.AddressingNone, routes.AddressingDHCP
		}, reason: routes.InterfaceNotStatic, says: "k8s-master"},
		"default route":                       {destination: "0.0.0.0/0", reason: routes.DefaultRoute, says: "/8"},
		"half a default route":                {destination: "128.0.0.0/1", reason: routes.DefaultRoute},
		"IPv6 default route":                  {destination: "2000::/3", hop: "fd00:20::1", reason: routes.DefaultRoute, says: "/7"},
		"single address":                      {destination: "192.168.21.15", change: func(_ *routes.Facts, p *routes.Policy) { p.HostDestinations = routes.Refuse }, reason: routes.HostDestination, says: "192.168.21.15/32"},
		"the pod subnet":                      {destination: "172.27.0.0/16", reason: routes.ProtectedPrefix, says: "pod subnet 172.27.0.0/16"},
		"in the pod subnet":                   {destination: "172.27.5.0/24", reason: routes.ProtectedPrefix},
		"covers services":                     {destination: "172.28.0.0/15", reason: routes.ProtectedPrefix, says: "service subnet"},
		"services have a policy of their own": {destination: "172.28.0.0/15", change: coverProtected, reason: routes.ProtectedPrefix, says: "service subnet"},
		"covers pods":                         {destination: "172.26.0.0/15", reason: routes.ProtectedPrefix, says: "pod subnet 172.27.0.0/16, for which the nodes are not known"},
		"covers management":                   {destination: "10.0.0.0/10", change: guard("10.50.1.1/32"), reason: routes.ProtectedPrefix, says: "10.50.1.1"},
		"covers, one node has not reported": {destination: "192.168.0.0/16", change: func(f *routes.Facts, _ *routes.Policy) {
			f.Tables = append(f.Tables, routes.NodeTable{Node: "k8s-worker"})
		}, reason: routes.ProtectedPrefix, says: "192.168.20.10"},
		"covers, no node has reported": {destination: "192.168.0.0/16", change: func(f *routes.Facts, _ *routes.Policy) { f.Tables = nil }, reason: routes.ProtectedPrefix},
		"cuts a range":                 {destination: "10.80.0.16/28", reason: routes.ProtectedPrefix, says: "10.80.0.10-10.80.0.20"},
		"internal network":             {destination: "10.0.10.0/25", reason: routes.ProtectedPrefix, says: "internal switch"},
		"host address":                 {destination: "192.168.20.10", reason: routes.ProtectedPrefix, says: "host address"},
		"next hop off-link":            {hop: "192.168.99.1", reason: routes.NextHopNotOnLink, says: "192.168.20.0/24"},
		"next hop is the port":         {hop: "192.168.20.10", reason: routes.NextHopInvalid, says: "Port3 itself"},
		"next hop is a node":           {hop: "192.168.20.11", reason: routes.NextHopInvalid, says: "k8s-master"},
		"next hop broadcast":           {hop: "192.168.20.255", reason: routes.NextHopInvalid, says: "broadcast"},
		"inside on-link":               {destination: "192.168.20.128/25", reason: routes.OverridesOnLink, says: "192.168.20.0/24"},
		"below on-link metric":         {destination: "fd00:20::/64", hop: "fd00:20::1", metric: 100, reason: routes.OverridesOnLink, says: "256"},
		"inside, only IPv6 reported":   {destination: "192.168.20.128/25", change: func(f *routes.Facts, _ *routes.Policy) { f.NICs[0].Connected = f.NICs[0].Connected[1:] }, reason: routes.OverridesOnLink, says: "192.168.20.0/24"},
		"no subnet, off-link":          {change: alone("10.99.0.1/32"), hop: "10.99.0.2", reason: routes.NextHopNotOnLink, says: "subnets of Port3: 10.99.0.1/32"},
		"no subnet, a node":            {change: alone("10.99.0.1/32"), hop: "192.168.20.11", reason: routes.NextHopInvalid},
		"inside, no node has reported": {destination: "192.168.20.128/25", change: func(f *routes.Facts, _ *routes.Policy) { f.NICs = nil }, reason: routes.OverridesOnLink},
	} {
		t.Run(name, func(t *testing.T) {
			facts, policy := device()
			if tc.change != nil {
				tc.change(&facts, &policy)
			}
			destination, hop, metric := tc.destination, tc.hop, tc.metric
			if destination == "" {
				destination = "192.168.21.0/24"
			}
			if hop == "" {
				hop = "192.168.20.1"
			}
			if metric == 0 {
				metric = 300
			}
			_, err := routes.Check(mustParse(t, destination, hop, metric), facts, policy)
			if routes.ReasonOf(err) != tc.reason {
				t.Fatalf("%v, want %s", err, tc.reason)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%q does not say %q", err, tc.says)
			}
		})
	}
}

func TestCheckAcceptsAndWarns(t *testing.T) {
	for name, tc := range map[string]struct {
		destination, hop string
		metric           int64
		change           func(*routes.Facts, *routes.Policy)
		warnings         []routes.WarningCode
	}{
		"plain":                   {},
		"vendor's example":        {destination: "192.168.20.0/24", metric: 100, warnings: []routes.WarningCode{routes.WarnShadowed}},
		"equal to on-link":        {destination: "fd00:20::/64", hop: "fd00:20::1", metric: 256},
		"link-local next hop":     {destination: "fd00:21::/64", hop: "fe80::1"},
		"device route":            {hop: "0.0.0.0"},
		"policy: covers services": {destination: "172.28.0.0/15", change: func(_ *routes.Facts, p *routes.Policy) { p.CoverServices = routes.Allow }, warnings: []routes.WarningCode{routes.WarnCoversProtected}},
		"policy: covers pods":     {destination: "172.26.0.0/15", change: coverProtected, warnings: []routes.WarningCode{routes.WarnCoversProtected}},
		"covers the node's own":   {destination: "10.0.0.0/10", change: guard("10.0.10.11/32"), warnings: []routes.WarningCode{routes.WarnCoversProtected, routes.WarnCoversProtected}},
		"policy: covers another":  {destination: "10.0.0.0/10", change: func(f *routes.Facts, p *routes.Policy) { guard("10.50.1.1/32")(f, p); coverProtected(f, p) }, warnings: []routes.WarningCode{routes.WarnCoversProtected, routes.WarnCoversProtected}},
		"covers a host address":   {destination: "192.168.0.0/16", warnings: []routes.WarningCode{routes.WarnCoversProtected}},
		"policy: default": {destination: "0.0.0.0/0", change: func(_ *routes.Facts, p *routes.Policy) {
			p.DefaultRoutes, p.CoverServices, p.CoverProtected = routes.Allow, routes.Allow, routes.Allow
		}, warnings: []routes.WarningCode{routes.WarnCoversProtected, routes.WarnCoversProtected, routes.WarnCoversProtected, routes.WarnCoversProtected, routes.WarnCoversProtected}},
		"policy: on-link": {destination: "192.168.20.128/25", change: func(_ *routes.Facts, p *routes.Policy) { p.OverrideOnLink = routes.Allow }},
		"no switch":       {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Switch = "" }, warnings: []routes.WarningCode{routes.WarnPortNotCompute}},
		"no link":         {change: func(f *routes.Facts, _ *routes.Policy) { f.Port.Link = routes.LinkStateDown }, warnings: []routes.WarningCode{routes.WarnInterfaceDown}},
		"address in the nodes": {change: func(f *routes.Facts, _ *routes.Policy) {
			f.Port.Addressing, f.Port.Addresses = routes.AddressingNone, nil
		}},
		"single address, only IPv6 reported": {hop: "10.99.0.1", change: alone("fd00:20::/64")},
		"router by its own route":            {hop: "10.99.0.1", change: alone("10.99.0.1/32")},
		"single address, untold":             {hop: "10.99.0.1", change: alone()},
		"no node yet": {hop: "192.168.99.1", change: func(f *routes.Facts, _ *routes.Policy) {
			f.Port.Addressing, f.Port.Addresses, f.NICs = routes.AddressingNone, nil, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			facts, policy := device()
			if tc.change != nil {
				tc.change(&facts, &policy)
			}
			destination, hop, metric := tc.destination, tc.hop, tc.metric
			if destination == "" {
				destination = "192.168.21.0/24"
			}
			if hop == "" {
				hop = "192.168.20.1"
			}
			if metric == 0 {
				metric = 300
			}
			warnings, err := routes.Check(mustParse(t, destination, hop, metric), facts, policy)
			if err != nil {
				t.Fatal(err)
			}
			var codes []routes.WarningCode
			for _, w := range warnings {
				codes = append(codes, w.Code)
			}
			if !slices.Equal(codes, tc.warnings) {
				t.Fatalf("%v, want %v", warnings, tc.warnings)
			}
		})
	}
}

func TestStoredWarnings(t *testing.T) {
	facts, policy := device()
	r := mustParse(t, "192.168.21.0/24", "192.168.20.1", 100)
	if w := routes.NewRules(facts, policy).Stored(r); len(w) != 0 {
		t.Fatalf("nothing changed, yet %v", w)
	}
	changed := facts
	changed.Port.Team, changed.Port.Addressing = "Team1", routes.AddressingDHCP
	if w := routes.NewRules(changed, policy).Stored(r); len(w) != 2 || w[0].Code != routes.WarnNowTeamed || w[1].Code != routes.WarnNoLongerStatic {
		t.Fatalf("%v", w)
	}
	for _, role := range []routes.PortRole{routes.PortRoleManagement, routes.PortRoleInternal, routes.PortRoleHost} {
		changed = facts
		changed.Port.Role = role
		if w := routes.NewRules(changed, policy).Stored(r); len(w) != 1 || w[0].Code != routes.WarnRoleChanged || w[0].Params["role"] != string(role) {
			t.Fatalf("%v", w)
		}
	}
	changed.Found = false
	if w := routes.NewRules(changed, policy).Stored(r); len(w) != 1 || w[0].Code != routes.WarnInterfaceGone {
		t.Fatalf("%v", w)
	}
}

// TestOnlyTheNodesTablesProve that what a route covers keeps its own path: a
// longer prefix that has all of the range, or the one address as a node's own.
// The warning says whether it does, also where the policy lets it be.
func TestOnlyTheNodesTablesProve(t *testing.T) {
	const destination = "10.48.0.0/12"
	for name, tc := range map[string]struct {
		guard     string
		own       string
		connected []string
		keeps     bool
	}{
		"nothing":                   {guard: "10.50.1.1/32"},
		"its own address":           {guard: "10.50.1.1/32", own: "10.50.1.1", keeps: true},
		"another address":           {guard: "10.50.1.1/32", own: "10.50.1.2"},
		"the first of its range":    {guard: "10.50.1.0/24", own: "10.50.1.0"},
		"a network with all of it":  {guard: "10.50.1.0/24", connected: []string{"10.50.0.0/16"}, keeps: true},
		"a network with its begin":  {guard: "10.50.0.0/16", connected: []string{"10.50.0.0/24"}},
		"a network with its end":    {guard: "10.50.0.0/16", connected: []string{"10.50.255.0/24"}},
		"a network beside it":       {guard: "10.50.1.0/24", connected: []string{"10.51.0.0/16"}},
		"a network as long":         {guard: "10.50.1.1/32", connected: []string{destination}},
		"a network that is shorter": {guard: "10.50.1.1/32", connected: []string{"10.0.0.0/8"}},
	} {
		t.Run(name, func(t *testing.T) {
			facts, policy := device()
			guard(tc.guard)(&facts, &policy)
			policy.Protected = nil
			facts.Tables[0].Connected = append(facts.Tables[0].Connected, prefixes(tc.connected...)...)
			if tc.own != "" {
				facts.Tables[0].Own = append(facts.Tables[0].Own, netip.MustParseAddr(tc.own))
			}
			r := mustParse(t, destination, "192.168.20.1", 300)
			warnings, err := routes.Check(r, facts, policy)
			says := "which has more specific routes in the nodes"
			if !tc.keeps {
				if routes.ReasonOf(err) != routes.ProtectedPrefix {
					t.Errorf("not refused: %v", err)
				}
				says = "for which the nodes are not known to have a more specific route"
				coverProtected(&facts, &policy)
				warnings, err = routes.Check(r, facts, policy)
			}
			if err != nil || len(warnings) != 1 || warnings[0].Code != routes.WarnCoversProtected || !strings.Contains(warnings[0].Message, says) {
				t.Errorf("warnings %v, error %v", warnings, err)
			}
		})
	}
}
