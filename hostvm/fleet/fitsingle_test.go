package fleet_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// singleNode is a node that says this of its NIC on a port with that address.
func singleNode(t *testing.T, port string, nic *pb.Nic) (*rig, *fakeAgent) {
	t.Helper()
	a := newFakeAgent("node-1")
	nic.Mac, nic.Link, nic.Addressing = "02:00:00:00:20:11", "eth1", "static"
	a.nics = []*pb.Nic{nic}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick())
	t.Cleanup(stop)
	p := port3()
	p.Addresses = []netip.Prefix{netip.MustParsePrefix(port)}
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{p}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
	r.until("session", r.connected(a.id))
	return r, a
}

// TestFactsOnAPortOfSingleAddresses: where the inventory knows no subnet, only
// single addresses, those of the nodes count, and the routes to one router.
func TestFactsOnAPortOfSingleAddresses(t *testing.T) {
	for _, c := range []struct{ name, port, node, router, wrong string }{
		{"IPv4", "192.168.20.10/32", "192.168.20.11/32", "10.99.0.1", "10.99.0.2"},
		{"IPv6", "fd00:20::10/128", "fd00:20::11/128", "fd00:99::1", "fd00:99::2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			router := netip.MustParseAddr(c.router)
			only := netip.PrefixFrom(router, router.BitLen()).String()
			r, a := singleNode(t, c.port, &pb.Nic{Addresses: []string{c.node}, Connected: []*pb.Connected{{Prefix: only}}})
			destination := "10.20.0.0/16"
			if router.Is6() {
				destination = "fd00:21::/64"
			}
			check := func(hop string) ([]routes.Warning, error) {
				return routes.Check(mustRoute(destination, hop, 256), r.Facts("Port3"), routes.Policy{})
			}
			if warnings, err := check(c.router); err != nil || len(warnings) > 0 {
				t.Errorf("the router: %v %v", warnings, err)
			}
			if _, err := check(c.wrong); routes.ReasonOf(err) != routes.NextHopNotOnLink || !strings.Contains(err.Error(), only) {
				t.Errorf("no router: %v, want the hint %s", err, only)
			}
			own := netip.MustParsePrefix(c.node)
			if warnings, err := check(own.Addr().String()); err == nil && !slices.ContainsFunc(warnings, func(w routes.Warning) bool { return w.Code == routes.WarnNextHopOfNode }) {
				t.Errorf("the node's own address: %v", warnings)
			}
			if problem := r.node(a.id).Problem; problem != "" {
				t.Errorf("the node tells the truth: %q", problem)
			}
		})
	}
}

// TestALiarOnAPortOfSingleAddresses: no subnet, no other family and no range of
// destinations comes from its word.
func TestALiarOnAPortOfSingleAddresses(t *testing.T) {
	r, a := singleNode(t, "192.168.20.10/32", &pb.Nic{
		Addresses: []string{"192.168.20.11/32", "10.20.0.9/32", "10.20.0.8/16", "fd00:21::9/128"},
		Connected: []*pb.Connected{{Prefix: "10.99.0.1/32"}, {Prefix: "10.20.0.7/32", Metric: 1000}, {Prefix: "10.20.0.0/16", Metric: 1000}, {Prefix: "fd00:21::1/128"}},
	})
	f := r.Facts("Port3")
	// Another node, which has reported nothing, keeps none of those addresses.
	f.Tables = append(slices.Clone(f.Tables), routes.NodeTable{Node: "node-2"})
	if warnings, err := routes.Check(mustRoute("10.20.0.0/16", "10.99.0.1", 256), f, routes.Policy{}); err != nil || len(warnings) > 0 {
		t.Errorf("%v %v", warnings, err)
	}
	for _, says := range []string{"address 10.20.0.8/16", "address fd00:21::9/128", "network 10.20.0.0/16", "1 more"} {
		if problem := r.node(a.id).Problem; !strings.Contains(problem, says) || strings.Contains(problem, "10.20.0.9/32") {
			t.Errorf("problem %q, want %s", problem, says)
		}
	}
}

// TestARouterOutsideTheSubnetsIsNoLie: a route to one router, or a peer's
// address, is common; it does not count, and is said as what it is.
func TestARouterOutsideTheSubnetsIsNoLie(t *testing.T) {
	r, a := singleNode(t, "192.168.20.10/24", &pb.Nic{Addresses: []string{"192.168.20.11/24", "10.99.0.5/32"}, Connected: []*pb.Connected{{Prefix: "192.168.20.0/24"}, {Prefix: "10.99.0.1/32"}}})
	const says = "its agent reports address 10.99.0.5/32, network 10.99.0.1/32 on eth1, outside the subnets that the inventory has on vswitch-Port3; that does not count"
	if problem := r.node(a.id).Problem; problem != says {
		t.Errorf("%q, want %q", problem, says)
	}
	if _, err := routes.Check(mustRoute("10.20.0.0/16", "10.99.0.1", 256), r.Facts("Port3"), routes.Policy{}); routes.ReasonOf(err) != routes.NextHopNotOnLink {
		t.Errorf("it counts: %v", err)
	}
}
