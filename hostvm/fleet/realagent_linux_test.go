package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// realAgent runs the agent on the namespace's kernel until stop.
func realAgent(t *testing.T, dir string) (endpoint string, stop func()) {
	t.Helper()
	k, err := kernel.Open(157)
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(agent.Options{Node: "k8s-master", StateDir: filepath.Join(dir, "state"), Kernel: k, ResyncInterval: time.Minute, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "agent.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}))
	pb.RegisterAgentServiceServer(server, a.Service())
	ctx, cancel := context.WithCancel(context.Background())
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	go func() { served <- server.Serve(l) }()
	return "unix://" + path, sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		server.Stop()
		<-served
		k.Close()
	})
}

// kernelRoutes are our routes in the namespace's main table.
func kernelRoutes(t *testing.T) (list []string) {
	t.Helper()
	found, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: 157}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		list = append(list, r.Dst.String()+" via "+r.Gw.String())
	}
	return list
}

// The whole way: store, session, agent, kernel, and back.
func TestWithTheRealAgent(t *testing.T) {
	nstest.Require(t)
	veth := nstest.Veth{Name: "eth1", Peer: "cameras", MAC: "02:00:00:00:20:11", Addresses: []string{"192.168.20.11/24"}}
	index := veth.Add(t)
	dir := t.TempDir()
	endpoint, stop := realAgent(t, dir)
	r := newRig(t, quick(), nodeAt("k8s-master", endpoint))
	r.until("session", r.connected("k8s-master"))
	rev := r.add(camera())
	if w := r.wait(rev, camera().Key()); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	if got := kernelRoutes(t); len(got) != 1 || got[0] != "10.20.0.0/16 via 192.168.20.1" {
		t.Errorf("kernel has %v", got)
	}
	if f := r.Facts("Port3"); len(f.NICs) != 1 || len(f.NICs[0].Connected) == 0 || f.NICs[0].Addressing != routes.AddressingStatic {
		t.Errorf("facts %+v", f.NICs)
	}
	if f := r.Facts("Port3"); len(f.Tables) != 1 || !slices.Contains(f.Tables[0].Connected, netip.MustParsePrefix("192.168.20.0/24")) || !slices.Contains(f.Tables[0].Own, netip.MustParseAddr("192.168.20.11")) {
		t.Errorf("tables %+v", f.Tables)
	}
	paths, err := r.Explain(context.Background(), camera().Destination().Addr().Next(), nil)
	if err != nil || len(paths) != 1 || !paths[0].Ours || paths[0].Interface != "Port3" {
		t.Errorf("explain %+v, %v", paths, err)
	}
	// Changes while the agent is away: one removed, one added.
	stop()
	r.until("lost session", func() bool { return !r.node("k8s-master").Connected })
	other := mustRoute("10.30.0.0/16", "192.168.20.1", 10)
	r.remove(camera())
	rev = r.add(other)
	if st := r.status(camera()); st.State != routes.Removing {
		t.Errorf("removed while away: %+v", st)
	}
	_, stop = realAgent(t, dir)
	t.Cleanup(stop)
	r.until("session", r.connected("k8s-master"))
	if w := r.wait(rev, other.Key()); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	if got := kernelRoutes(t); len(got) != 1 || got[0] != "10.30.0.0/16 via 192.168.20.1" {
		t.Errorf("kernel has %v", got)
	}
	// The NIC goes: the agent reports it, and the route waits.
	link, err := netlink.LinkByIndex(index)
	if err == nil {
		err = netlink.LinkSetDown(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.until("waiting", func() bool { return r.status(other).State == routes.Waiting })
	t.Logf("link down: %+v", r.status(other))
}

// A node that lost its log gets back what it has without losing any of it for
// a moment, although the set that sessions share is older.
func TestASharedSetThatIsBehindDeletesNothing(t *testing.T) {
	nstest.Require(t)
	nstest.Veth{Name: "eth1", Peer: "cameras", MAC: "02:00:00:00:20:11", Addresses: []string{"192.168.20.11/24"}}.Add(t)
	dir := t.TempDir()
	endpoint, stop := realAgent(t, dir)
	r := newRig(t, quick(), nodeAt("k8s-master", endpoint))
	r.until("session", r.connected("k8s-master"))
	empty := r.SharedSet()
	if w := r.wait(r.add(camera())); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	stop()
	r.until("lost session", func() bool { return !r.node("k8s-master").Connected })
	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	gone := nstest.Deletions(t, 157)
	_, stop = realAgent(t, dir)
	t.Cleanup(stop)
	r.until("session", r.connected("k8s-master"))
	if w := r.wait(r.store.Info().Version.Revision, camera().Key()); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	if list := gone(); len(list) > 0 {
		t.Errorf("deleted for a moment: %q", list)
	}
	if empty == nil || r.SharedSet() != empty {
		t.Error("the set that was sent is not the one that is behind: this test shows nothing")
	}
}

// A port that the device has only after the service started, or that an edit of
// the inventory brings while the service is down, gets its routes.
func TestPortThatAppearsAfterTheStart(t *testing.T) {
	nstest.Require(t)
	veth := nstest.Veth{Name: "eth1", Peer: "cameras", MAC: "02:00:00:00:20:11", Addresses: []string{"192.168.20.11/24"}}
	veth.Add(t)
	for way, restart := range map[string]bool{"live": false, "restart": true} {
		t.Run(way, func(t *testing.T) {
			endpoint, stop := realAgent(t, t.TempDir())
			r := newRig(t, quick())
			t.Cleanup(stop)
			node := nodeAt("k8s-master", endpoint)
			node.NICs = append(node.NICs, hostvm.NIC{MAC: "02:00:00:00:40:11", Switch: "vswitch-Port4"})
			port4 := port3()
			port4.Alias, port4.Switch = "Port4", "vswitch-Port4"
			r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port4}, Nodes: []hostvm.Node{node}})
			rev := r.add(camera())
			r.until("waiting", func() bool { return r.status(camera()).Cause == routes.NoNodeNIC })
			if restart {
				r.stop()
			}
			r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port4, port3()}, Nodes: []hostvm.Node{node}})
			if restart {
				r.run(quick())
			}
			r.until("programmed", r.programmed(camera()))
			if w := r.wait(rev, camera().Key()); !w.Reached || len(kernelRoutes(t)) != 1 {
				t.Errorf("%+v, the kernel has %v", w, kernelRoutes(t))
			}
			r.remove(camera())
			poll(t, "its end", func() bool { return len(kernelRoutes(t)) == 0 })
		})
	}
}

// TestAgentOfALargeNode: a node with more links, addresses and on-link routes than
// an agent reports has a session like any other.
func TestAgentOfALargeNode(t *testing.T) {
	nstest.Require(t)
	give := func(name string, second byte, n int) {
		l, err := netlink.LinkByName(name)
		check(t, err)
		for i := range n {
			check(t, netlink.AddrAdd(l, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, second, byte(i>>8), byte(i)), Mask: net.CIDRMask(32, 32)}}))
		}
	}
	for i := range (agentapi.MaxNICs + 50) / 2 {
		pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: fmt.Sprint("peer", i)}
		pair.Name = fmt.Sprint("pod", i)
		check(t, netlink.LinkAdd(pair))
		t.Cleanup(func() { check(t, netlink.LinkDel(pair)) })
		give(pair.Name, 96, 1) // the same address on all of them will do
		give(pair.PeerName, 97, 1)
	}
	give("pod0", 98, 2*agentapi.MaxNetworks)
	veth := nstest.Veth{Name: "eth1", Peer: "cameras", MAC: "02:00:00:00:20:11", Addresses: []string{"192.168.20.11/24"}}
	veth.Add(t)
	endpoint, stop := realAgent(t, t.TempDir())
	defer stop()
	r := newRig(t, quick(), nodeAt("k8s-master", endpoint))
	r.until("session", r.connected("k8s-master"))
	r.wait(r.add(camera()))
	r.until("programmed", func() bool { return r.status(camera()).State == routes.Programmed })
	if n := r.node("k8s-master"); n.Problem != "" {
		t.Errorf("%+v", n)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
