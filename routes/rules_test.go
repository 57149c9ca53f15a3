package routes_test

import (
	"net/netip"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
)

// genFacts draws ports and nodes near the routes of genRoute.
func genFacts() *rapid.Generator[routes.Facts] {
	some := func(list ...string) *rapid.Generator[[]netip.Prefix] {
		return rapid.SliceOfN(rapid.SampledFrom(prefixes(list...)), 0, 4)
	}
	addresses := some("192.168.20.1/24", "192.168.20.10/24", "192.168.20.2/31", "10.1.0.1/16", "fd00:20::10/64", "fe80::1/64", "fd00:1::1/48")
	addressing := rapid.SampledFrom([]routes.Addressing{
		routes.AddressingStatic, routes.AddressingStatic, routes.AddressingStatic, routes.AddressingNone, routes.AddressingDHCP, routes.AddressingLinkLocal, "",
	})
	return rapid.Custom(func(t *rapid.T) routes.Facts {
		rarely := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) == 0 }
		f := routes.Facts{Known: !rarely("unknown"), Problem: "no netlink", Found: !rarely("gone"), Ports: []string{"Port3", "Port4"}}
		f.Port = routes.Port{
			Alias: "Port3", Link: rapid.SampledFrom([]routes.LinkState{routes.LinkStateUnknown, routes.LinkStateUp, routes.LinkStateDown}).Draw(t, "link"), Addressing: addressing.Draw(t, "addressing"), Addresses: addresses.Draw(t, "addresses"),
			Switch: rapid.SampledFrom([]string{"", "vswitch-Port3"}).Draw(t, "switch"),
		}
		if rarely("role") {
			f.Port.Role = rapid.SampledFrom([]routes.PortRole{routes.PortRoleManagement, routes.PortRoleInternal, routes.PortRoleHost, routes.PortRoleUnknown}).Draw(t, "which role")
		}
		if rarely("team") {
			f.Port.Team = "Team1"
		}
		for range rapid.IntRange(0, 3).Draw(t, "NICs") {
			nic := routes.NodeNIC{Node: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "node"), Addressing: addressing.Draw(t, "NIC's addressing"), Addresses: addresses.Draw(t, "NIC's addresses")}
			for _, p := range some("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/24", "fd00:1::/48", "192.168.20.0/24").Draw(t, "connected") {
				nic.Connected = append(nic.Connected, routes.ConnectedRoute{Prefix: p, Metric: rapid.Uint32Range(0, 300).Draw(t, "metric")})
			}
			f.NICs = append(f.NICs, nic)
		}
		f.Protected = genProtected().Draw(t, "protected")
		return f
	})
}

func genProtected() *rapid.Generator[[]routes.Protected] {
	kinds := []routes.ProtectedKind{
		routes.ProtectedPods, routes.ProtectedService, routes.ProtectedExternal, routes.ProtectedNodes,
		routes.ProtectedInternal, routes.ProtectedHost, routes.ProtectedNode, routes.ProtectedPolicy,
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) routes.Protected {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		p := rapid.SampledFrom(prefixes("10.1.0.0/24", "10.2.0.0/17", "10.0.0.0/15", "10.3.0.7/32", "fd00:200::/40", "fd00:100::1/128")).Draw(t, "range")
		return routes.ProtectPrefix(kind, p)
	}), 0, 3)
}

func genPolicy() *rapid.Generator[routes.Policy] {
	permission := rapid.SampledFrom([]routes.Permission{"", routes.Allow, routes.Refuse})
	return rapid.Custom(func(t *rapid.T) routes.Policy {
		return routes.Policy{
			DefaultRoutes: permission.Draw(t, "default routes"), HostDestinations: permission.Draw(t, "host destinations"),
			CoverServices: permission.Draw(t, "cover services"), CoverProtected: permission.Draw(t, "cover protected"), OverrideOnLink: permission.Draw(t, "override on-link"),
			Protected: genProtected().Draw(t, "policy's"),
		}
	})
}

// Rules are used for many routes: none may feel those before it.
func TestRulesJudgeEachRouteAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, p := genFacts().Draw(t, "facts"), genPolicy().Draw(t, "policy")
		rules := routes.NewRules(f, p)
		type verdict struct {
			warnings []routes.Warning
			err      error
		}
		list := rapid.SliceOfN(genRoute(), 1, 20).Draw(t, "routes")
		var got, want []verdict
		for _, r := range list {
			warnings, err := rules.Check(r)
			got = append(got, verdict{warnings, err})
			warnings, err = routes.Check(r, f, p)
			want = append(want, verdict{warnings, err})
		}
		for i, r := range list {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("%s after others: %v, alone: %v", r, got[i], want[i])
			}
		}
	})
}
