//go:build linux

package e2e

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestRoutesComeBack takes routes away in every way that a node loses them.
func TestRoutesComeBack(t *testing.T) {
	s := start(t, system.Options{})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	cli(t, s, 0, "add", "Port3", "fd00:21::/64", "fd00:20::1")
	ns := s.Lab.NS("k8s-master")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	both := func() bool { return own(t, s, "k8s-master") == 2 }
	if !both() {
		t.Fatal("acknowledged, yet not in the kernel")
	}
	a4, a6 := netip.MustParsePrefix("192.168.20.11/24"), netip.MustParsePrefix("fd00:20::11/64")
	for name, loss := range map[string]func(){
		"deleted by hand": func() {
			list, err := s.OwnRoutes("k8s-master")
			must(err)
			for _, r := range list {
				must(ns.DelRoute(r))
			}
		},
		"link down and up": func() {
			must(ns.SetDown("eth1"))
			must(ns.SetUp("eth1"))
			if err := ns.AddAddress("eth1", lab.Address{Prefix: a6}); err != nil {
				t.Logf("the IPv6 address stayed: %v", err)
			}
		},
		"address gone and back": func() {
			must(ns.DelAddress("eth1", a4))
			must(ns.DelAddress("eth1", a6))
			must(ns.AddAddress("eth1", lab.Address{Prefix: a4}))
			must(ns.AddAddress("eth1", lab.Address{Prefix: a6}))
		},
		"agent killed, routes deleted, agent started": func() {
			must(s.KillAgent("k8s-master"))
			list, err := s.OwnRoutes("k8s-master")
			must(err)
			for _, r := range list {
				must(ns.DelRoute(r))
			}
			must(s.StartAgent(t.Context(), "k8s-master"))
		},
	} {
		loss()
		polltest.Until(t, "both routes are back after: "+name, both)
	}
	cli(t, s, 0, "wait")
}

// TestForeignRoutesAreNeverTouched puts a foreign route where ours should go.
func TestForeignRoutesAreNeverTouched(t *testing.T) {
	s := start(t, system.Options{})
	ns := s.Lab.NS("k8s-worker")
	foreign := lab.RouteSpec{Destination: netip.MustParsePrefix("192.168.21.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Link: "eth1", Metric: 100, Protocol: 4}
	if err := ns.AddRoute(foreign); err != nil {
		t.Fatal(err)
	}
	before := tables(t, s)["k8s-worker"]
	res := cli(t, s, 9, "add", "Port3", "192.168.21.0/24", "192.168.20.1", "--metric", "100")
	if out := res.Stdout + res.Stderr; !contains(out, "FOREIGN_CONFLICT", "k8s-worker") || contains(res.Stderr, "k8s-master") {
		t.Fatalf("the answer does not say who holds the key:\n%s", out)
	}
	if after := tables(t, s)["k8s-worker"]; after != before {
		t.Fatalf("the worker's table changed:\n%s\nwas\n%s", after, before)
	}
	if own(t, s, "k8s-master") != 1 {
		t.Fatal("the master has no such conflict and should have the route")
	}
	cli(t, s, 0, "remove", "Port3", "192.168.21.0/24")
	if after := tables(t, s)["k8s-worker"]; after != before {
		t.Fatalf("the removal changed the worker's table:\n%s\nwas\n%s", after, before)
	}
}
