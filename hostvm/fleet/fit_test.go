package fleet_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestFactsOfANodeCountWhereTheyFit: what a node claims of its NIC refuses no
// route of the fleet, names the node, and ends with the session.
func TestFactsOfANodeCountWhereTheyFit(t *testing.T) {
	for _, c := range []struct {
		name    string
		nic     *pb.Nic
		warning routes.WarningCode // of the route
		problem string             // of the node
	}{
		{"a default route", &pb.Nic{Connected: []*pb.Connected{{Prefix: "0.0.0.0/0", Metric: 1000}, {Prefix: "192.168.20.0/24"}}}, "", "network 0.0.0.0/0"},
		{"the camera's network", &pb.Nic{Addresses: []string{"10.20.0.9/16"}, Connected: []*pb.Connected{{Prefix: "10.20.0.0/16", Metric: 1000}}}, "", "10.20.0.9/16, network 10.20.0.0/16"},
		{"a wide address", &pb.Nic{Addresses: []string{"192.168.20.11/8"}}, "", "address 192.168.20.11/8"},
		{"the router's address", &pb.Nic{Addresses: []string{"192.168.20.1/24"}}, routes.WarnNextHopOfNode, ""},
		{"the truth", &pb.Nic{Addresses: []string{"192.168.20.11/24", "fe80::1/64"}, Connected: []*pb.Connected{{Prefix: "192.168.20.0/24"}}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newFakeAgent("liar")
			c.nic.Mac, c.nic.Link, c.nic.Addressing = "02:00:00:00:20:11", "eth1", "static"
			// A link that is no NIC of the inventory is nobody's business.
			a.nics = []*pb.Nic{c.nic, {Mac: "02:00:00:00:99:99", Link: "cni0", Addresses: []string{"10.20.1.1/32"}}}
			endpoint, stop := a.listen(t, t.TempDir())
			r := newRig(t, quick(), nodeAt(a.id, endpoint))
			r.until("session", r.connected(a.id))
			warnings, err := routes.Check(camera(), r.Facts("Port3"), routes.Policy{})
			if err != nil {
				t.Errorf("refused for the fleet: %v", err)
			}
			if (len(warnings) == 1) != (c.warning != "") || c.warning != "" && (warnings[0].Code != c.warning || warnings[0].Params["node"] != a.id) {
				t.Errorf("warnings %v", warnings)
			}
			// A claim that does not fit proves nothing either of what a route may cover.
			tables, net := r.Facts("Port3").Tables, netip.MustParsePrefix("192.168.20.0/24")
			if len(tables) != 1 || tables[0].Node != a.id {
				t.Fatalf("tables %+v", tables)
			}
			for _, p := range tables[0].Connected {
				if p != net {
					t.Errorf("a table has the claim %s", p)
				}
			}
			for _, own := range tables[0].Own {
				if !net.Contains(own) && !own.IsLinkLocalUnicast() {
					t.Errorf("a table has the claim %s", own)
				}
			}
			if problem := r.node(a.id).Problem; c.problem == "" && problem != "" || !strings.Contains(problem, c.problem) {
				t.Errorf("problem %q", problem)
			}
			if camera := routes.ProtectAddr(routes.ProtectedNode, netip.MustParseAddr("10.20.1.1"), a.id); strings.Contains(guards(r), camera.Name) {
				t.Error("a link beside the inventory's NICs protects an address")
			}
			stop()
			r.until("lost session", func() bool { return !r.node(a.id).Connected })
			f := r.Facts("Port3")
			for _, nic := range f.NICs {
				if len(nic.Addresses)+len(nic.Connected)+len(nic.Claimed) > 0 {
					t.Errorf("after the session: %+v", nic)
				}
			}
			if guards(r) != "" {
				t.Errorf("after the session: %s", guards(r))
			}
			// It is one of the nodes that the route goes to, and has reported nothing.
			if len(f.Tables) != 1 || len(f.Tables[0].Connected)+len(f.Tables[0].Own) > 0 {
				t.Errorf("after the session: tables %+v", f.Tables)
			}
		})
	}
}

// TestFactsWhereNoSubnetIsKnown: the nodes are all there is to ask of a port
// without addresses, but what would be a default route is no network of theirs.
func TestFactsWhereNoSubnetIsKnown(t *testing.T) {
	a := newFakeAgent("liar")
	a.nics = []*pb.Nic{{
		Mac: "02:00:00:00:20:11", Link: "eth1", Addressing: "static", Addresses: []string{"192.168.20.11/24", "192.168.20.12/0"},
		Connected: []*pb.Connected{{Prefix: "192.168.20.0/24"}, {Prefix: "0.0.0.0/0"}, {Prefix: "128.0.0.0/1"}, {Prefix: "::/1"}},
	}}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick())
	t.Cleanup(stop)
	port := port3()
	port.Addresses = nil
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
	r.until("session", r.connected(a.id))
	nics, net := r.Facts("Port3").NICs, netip.MustParsePrefix("192.168.20.0/24")
	if len(nics) != 1 || len(nics[0].Addresses) != 1 || nics[0].Addresses[0].Bits() != 24 || len(nics[0].Connected) != 1 || nics[0].Connected[0].Prefix != net {
		t.Errorf("%+v", nics)
	}
	if problem := r.node(a.id).Problem; !strings.Contains(problem, "address 192.168.20.12/0, network 0.0.0.0/0, network 128.0.0.0/1 and 1 more") {
		t.Errorf("problem %q", problem)
	}
}

// guards are the addresses that the facts of Port3 protect.
func guards(r *rig) string {
	var names []string
	for _, g := range r.Facts("Port3").Protected {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

// TestDeclaredAddressesRefuse: what the inventory says is no claim.
func TestDeclaredAddressesRefuse(t *testing.T) {
	a := newFakeAgent("k8s-master")
	a.nics = []*pb.Nic{{Mac: "02:00:00:00:20:11", Link: "eth1", Addressing: "static", Addresses: []string{"192.168.20.11/24"}}}
	endpoint, stop := a.listen(t, t.TempDir())
	n := nodeAt(a.id, endpoint)
	n.NICs = []hostvm.NIC{{MAC: "02:00:00:00:20:11", Switch: "vswitch-Port3", Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.11/24")}}}
	r := newRig(t, quick(), n)
	t.Cleanup(stop)
	r.until("session", r.connected(a.id))
	_, err := routes.Check(mustRoute("10.20.0.0/16", "192.168.20.11", 256), r.Facts("Port3"), routes.Policy{})
	if routes.ReasonOf(err) != routes.NextHopInvalid {
		t.Errorf("the next hop is a node's declared address: %v", err)
	}
}
