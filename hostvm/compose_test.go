package hostvm_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/routes"
)

// declarations are ones that the test sets.
type declarations struct{ latest.Value[hostvm.Declared] }

func (d *declarations) Declared() *hostvm.Declared  { return d.Current() }
func (*declarations) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func ptr[T any](v T) *T { return &v }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestComposeOverlays(t *testing.T) {
	facts, declared := &inventory{}, &declarations{}
	facts.Set(&hostvm.Snapshot{
		Ports: []routes.Port{
			{Alias: "Port1", Addressing: routes.AddressingDHCP, Link: routes.LinkStateUp},
			{Alias: "Port3", Addressing: routes.AddressingStatic, Switch: "vswitch-Port3", Carrier: "vswitch-Port3", Addresses: []netip.Prefix{prefix("192.168.20.10/24")}},
			{Alias: "Port5", Addressing: routes.AddressingStatic, MAC: "02:00:00:00:00:05"},
			{Alias: "eth7", AltNames: []string{"uplink"}, Role: routes.PortRoleHost, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("10.7.0.1/24")}},
			{Alias: "eth8", Role: routes.PortRoleHost, Addresses: []netip.Prefix{prefix("10.8.0.1/24")}},
			{Alias: "lo", Role: routes.PortRoleHost, Addresses: []netip.Prefix{prefix("127.0.0.1/8")}},
			{Alias: "vnet0", Role: routes.PortRoleHost, Carrier: "vswitch-Port3", Addresses: []netip.Prefix{prefix("192.168.20.10/24")}},
			{Alias: "dummy0", Role: routes.PortRoleHost},
			{Alias: "vswitch-Port3", Role: routes.PortRoleHost, Addresses: []netip.Prefix{prefix("192.168.20.10/24")}},
			{Alias: "vswitch-internal", Role: routes.PortRoleHost, Addresses: []netip.Prefix{prefix("10.0.10.1/24"), prefix("fe80::1/64")}},
		},
		PortProblems: map[string]string{"port6": "two links"},
		Protected:    []routes.Protected{routes.ProtectAddr(routes.ProtectedHost, netip.MustParseAddr("10.7.0.1"), "eth7")},
	})
	declared.Set(&hostvm.Declared{
		Ports: []hostvm.DeclaredPort{
			{Alias: "Port1", Role: ptr(routes.PortRoleManagement)},
			{Alias: "port5", Team: ptr("Team1")},
			{Alias: "Uplink"},
			{Alias: "lo"},
			{Alias: "Port9"},
			{Alias: "Port10", Addressing: ptr(routes.AddressingStatic), Addresses: []netip.Prefix{prefix("192.168.90.10/24")}},
		},
		Nodes:   []hostvm.Node{{ID: "a", Name: "a", NICs: []hostvm.NIC{{MAC: "x", Switch: "vswitch-internal"}, {MAC: "y", Switch: "vswitch-Port3", Addresses: []netip.Prefix{prefix("192.168.20.11/24")}}, {MAC: "z", Switch: "vswitch-Prot3"}}}},
		Problem: "line 3: broken",
	})
	snap := hostvm.Compose(facts, declared).Current()
	for alias, want := range map[string]routes.PortRole{
		"Port1": routes.PortRoleManagement, "Port3": routes.PortRoleData, "Port5": routes.PortRoleData, "eth7": routes.PortRoleData,
		"uplink": routes.PortRoleData, "eth8": routes.PortRoleHost, "lo": routes.PortRoleHost, "vswitch-Port3": routes.PortRoleHost,
		"vswitch-internal": routes.PortRoleUnknown, "Port10": routes.PortRoleData,
	} {
		if p, ok := snap.Port(alias); !ok || p.Role != want {
			t.Errorf("%s: %+v, found %v; want role %q", alias, p, ok, want)
		}
	}
	for _, alias := range []string{"vnet0", "dummy0", "Port9"} {
		if p, ok := snap.Port(alias); ok {
			t.Errorf("%s is listed: %+v", alias, p)
		}
	}
	if p, _ := snap.Port("Port5"); p.Team != "Team1" || p.MAC != "02:00:00:00:00:05" || p.Addressing != routes.AddressingStatic {
		t.Errorf("what is not declared was lost: %+v", p)
	}
	if len(snap.Diagnostics) != 4 || snap.Diagnostics[0].Problem != "line 3: broken" || !snap.Diagnostics[0].Refused || !strings.Contains(snap.Diagnostics[1].Problem, "Port9") || !strings.Contains(snap.Diagnostics[2].Problem, "vswitch-internal is the internal") || !strings.Contains(snap.Diagnostics[3].Problem, "vswitch-Prot3") {
		t.Errorf("diagnostics %+v", snap.Diagnostics)
	}
	guards := map[string]routes.ProtectedKind{}
	for _, g := range snap.Protected {
		guards[g.First.String()] = g.Kind
	}
	want := map[string]routes.ProtectedKind{
		"10.7.0.1": routes.ProtectedHost, "192.168.90.10": routes.ProtectedHost,
		"10.0.10.0": routes.ProtectedUnknown, "192.168.20.11": routes.ProtectedNode,
	}
	if len(guards) != len(want) {
		t.Errorf("protected %v", guards)
	}
	for a, kind := range want {
		if guards[a] != kind {
			t.Errorf("%s is protected as %q, want %q", a, guards[a], kind)
		}
	}
	if snap.PortProblems["port6"] == "" {
		t.Error("the port's problem was lost")
	}
}

func TestComposeFollowsBoth(t *testing.T) {
	facts, declared := &inventory{}, &declarations{}
	facts.Set(&hostvm.Snapshot{})
	declared.Set(&hostvm.Declared{})
	c := hostvm.Compose(facts, declared)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	until := func(cond func(*hostvm.Snapshot) bool) {
		t.Helper()
		limit := time.After(patience)
		for {
			changed := c.Changed()
			if cond(c.Current()) {
				return
			}
			select {
			case <-changed:
			case <-limit:
				t.Fatalf("%+v", c.Current())
			}
		}
	}
	facts.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Problem: "broken"})
	until(func(s *hostvm.Snapshot) bool { return len(s.Ports) == 1 && s.Problem == "broken" })
	declared.Set(&hostvm.Declared{Nodes: []hostvm.Node{nodeAt("a", "unix:///a")}})
	until(func(s *hostvm.Snapshot) bool { return len(s.Nodes) == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	alone := hostvm.Compose(nil, declared).Current()
	if alone.Problem != "" || len(alone.Nodes) != 1 {
		t.Errorf("without provider: %+v", alone)
	}
}
