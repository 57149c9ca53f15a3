package cli_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	hallPort = "Ethernet 7 (hall north)"
	hallHop  = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff01"
	lastSeen = "programmed when last seen at 2026-01-02T03:04:05Z"
)

// staged is a route and what each node says of it.
type staged struct {
	iface, destination, hop, metric string
	nodes                           []routes.NodeStatus
}

func onBoth(s routes.NodeStatus) []routes.NodeStatus {
	master, worker := s, s
	master.Node, worker.Node = "k8s-master", "k8s-worker"
	return []routes.NodeStatus{master, worker}
}

func onWorker(s routes.NodeStatus) []routes.NodeStatus {
	s.Node = "k8s-worker"
	return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed}, s}
}

// stage has a route in each state, with the words that agent and service have for it.
func stage() []staged {
	const hop, hop6 = "192.168.20.1", "2001:db8:20::1"
	waits := func(c routes.Cause, detail string) routes.NodeStatus {
		return routes.NodeStatus{State: routes.Waiting, Cause: c, Detail: detail}
	}
	fails := func(c routes.Cause, detail string) routes.NodeStatus {
		return routes.NodeStatus{State: routes.Failed, Cause: c, Detail: detail}
	}
	runs := func(c routes.Condition, detail string) routes.NodeStatus {
		return routes.NodeStatus{State: routes.Programmed, Condition: c, Detail: detail}
	}
	return []staged{
		{"Port3", "192.168.21.0/24", hop, "100", onBoth(runs("", ""))},
		{"Port3", "192.168.22.0/24", hop, "200", onBoth(runs(routes.Standby, "our route with metric 100 wins"))},
		{"Port3", "192.168.23.0/24", hop, "256", onWorker(runs(routes.Shadowed, "192.168.23.0/24 via 192.168.20.254 dev eth1 metric 100 proto static"))},
		{"Port3", "2001:db8:cafe:24::/64", hop6, "256", onBoth(runs(routes.Shared, "2001:db8:cafe:24::/64 via fe80::2 dev eth1 metric 256 proto ra"))},
		{"Port3", "192.168.25.0/24", hop, "256", onWorker(waits(routes.NodeStopped, lastSeen))},
		{"Port3", "192.168.26.0/24", hop, "256", onWorker(waits(routes.AgentUnreachable, "no answer from tcp://172.28.7.12:7443: connection refused; "+lastSeen))},
		{"Port3", "192.168.27.0/24", hop, "256", onWorker(waits(routes.Stale, "its agent has not reported for 1m12s; "+lastSeen))},
		{"Port4", "192.168.41.0/24", "192.168.40.1", "256", onBoth(waits(routes.NoNodeNIC, "the node has no NIC on a switch of Port4"))},
		{"Port3", "192.168.28.0/24", hop, "256", onWorker(waits(routes.NICAmbiguous, "several links have the MAC 02:00:00:00:00:03: eth1, eth2"))},
		{"Port3", "192.168.29.0/24", hop, "256", onBoth(waits(routes.KeyHeld, "our route 192.168.29.0/24 via 192.168.20.2 on Port3 has the same metric"))},
		{"Port3", "192.168.30.0/24", hop, "256", onWorker(waits(routes.LinkDown, "in the kernel, which marks it linkdown: eth1 has no carrier"))},
		{"Port3", "192.168.31.0/24", hop, "256", onWorker(waits(routes.NICNoAddress, "eth1 has no address yet"))},
		{"Port3", "2001:db8:cafe:32::/64", hop6, "256", onBoth(waits(routes.IPv6Disabled, "IPv6 is switched off on eth1: errno 13, permission denied"))},
		{"Port3", "192.168.33.0/24", hop, "256", onBoth(waits(routes.NextHopUnreachable, "errno 101, network is unreachable: Nexthop has invalid gateway"))},
		{"Port3", "192.168.34.0/24", hop, "256", onWorker(waits(routes.InProgress, ""))},
		{"Port3", "192.168.39.0/24", hop, "256", onWorker(waits(routes.NotSaved, "changes after revision 24 would not survive a restart: append to the log of routes: no space left on device"))},
		{"Port3", "192.168.35.0/24", hop, "256", onBoth(fails(routes.KernelRejected, "errno 22, invalid argument: Nexthop has invalid gateway"))},
		{"Port3", "192.168.36.0/24", hop, "256", onWorker(fails(routes.ForeignConflict, "the kernel key is held by 192.168.36.0/24 via 192.168.20.254 dev eth1 metric 256 proto static"))},
		{"Port3", "192.168.37.0/24", hop, "256", onBoth(fails(routes.OffloadFailed, "in the kernel, which marks it offload_failed: the device below did not take it"))},
		{"Port3", "192.168.38.0/24", hop, "256", onBoth(fails(routes.NICNotStatic, "eth1 has no static address (dhcp)"))},
		{"Port3", "192.168.50.128/25", hop, "65535", onBoth(fails(routes.OnLinkOverride, "192.168.50.128/25 is inside the connected network 192.168.50.0/24 of eth1 (metric 100)"))},
		{hallPort, "2001:db8:1234:5678:9abc:def0:1234:5600/120", hallHop, "65535", onBoth(runs("", ""))},
		{hallPort, "2001:db8:1234:5678:9abc:def0:1234:5700/120", hallHop, "256", []routes.NodeStatus{
			{Node: "k8s-master", State: routes.Failed, Cause: routes.ForeignConflict, Detail: "the kernel key is held by 2001:db8:1234:5678:9abc:def0:1234:5700/120 via fe80::2222:3333:4444:5555 dev eth7 metric 256 proto static"},
			{Node: "k8s-worker", State: routes.Waiting, Cause: routes.LinkDown, Detail: "eth7 is down"},
		}},
		{"Port3", "198.51.100.0/24", hop, "256", nil},
		{"Port3", "203.0.113.128/25", hop, "256", []routes.NodeStatus{
			{Node: "k8s-worker", State: routes.Removing, Cause: routes.AgentUnreachable, Detail: "no answer from tcp://172.28.7.12:7443: connection refused"},
		}},
	}
}

// everyState is a fleet that says what stage says.
type everyState struct{ fleet.Fleet }

func (e everyState) ports() []routes.Port {
	return append(e.Fleet.Inventory().Ports, routes.Port{
		Alias: hallPort, MAC: "02:00:00:00:00:07", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Switch: "vswitch of the northern hall",
		Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:bbbb:cccc:dddd:eeee:10/112"), netip.MustParsePrefix("192.168.170.10/24"), netip.MustParsePrefix("fe80::7/64")},
	})
}

func (e everyState) Inventory() *hostvm.Snapshot { return &hostvm.Snapshot{Ports: e.ports()} }

func (e everyState) Facts(alias string) routes.Facts {
	f := e.Fleet.Facts(alias)
	for _, p := range e.ports() {
		if p.Alias == alias {
			f.Port, f.Found = p, true
		}
	}
	return f
}

func (e everyState) Status(rec routes.Record) []routes.NodeStatus {
	for _, s := range stage() {
		if s.destination == rec.Route.Destination().String() {
			return s.nodes
		}
	}
	return e.Fleet.Status(rec)
}

func (e everyState) Nodes() []fleet.NodeInfo {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	node := func(name string, i fleet.NodeInfo) fleet.NodeInfo {
		i.Node = hostvm.Node{ID: name, Name: name, Role: "worker", State: hostvm.NodeAuto, Endpoint: "tcp://172.28.7.12:7443"}
		i.Known, i.LastReport = true, at
		return i
	}
	stopped := node("k8s-worker-2", fleet.NodeInfo{Revision: 20, Waiting: 12})
	stopped.State = hostvm.NodeStopped
	return []fleet.NodeInfo{
		node("k8s-master", fleet.NodeInfo{Connected: true, Revision: 24, Programmed: 9989, Waiting: 8, Failed: 3, Certificate: &x509.Certificate{
			SerialNumber: big.NewInt(0x51ab), Subject: pkix.Name{CommonName: "k8s-master"}, NotAfter: at.AddDate(100, 0, 0),
		}}),
		node("k8s-worker", fleet.NodeInfo{
			Revision: 20, Waiting: 12, Problem: "no answer from tcp://172.28.7.12:7443: connection refused",
			Remedy: "See 'systemctl status hcsroute-agent' in the node, and whether the node's endpoint in the inventory file is where its agent listens.",
		}),
		stopped,
		node("k8s-old-worker-of-hall-north", fleet.NodeInfo{
			Gone: true, Problem: "the inventory does not list it any more",
			Remedy: "List it again, or run 'hcsroute nodes forget k8s-old-worker-of-hall-north' if it is gone for good.",
		}),
		node("k8s-worker-3", fleet.NodeInfo{
			Problem: "the node holds routes of another store (4b1f7c1e-8d0a-4b57-9d3e-2f6a7c9e1b42, not 0c55c4a8-3b1e-4a8e-8a3f-5f0c1d7e2b60)",
			Remedy:  "Run 'hcsroute nodes adopt k8s-worker-3' if this device shall replace them.",
		}),
	}
}

// everyCertificate has one that is sound, one that ends soon, one that has ended,
// and one whose successor cannot be used.
func everyCertificate() []certs.Certificate {
	one := func(use, name string, days int) certs.Certificate {
		return certs.Certificate{
			Use: use, File: "/etc/hcsroute/pki/" + name + ".crt", Subject: "CN=" + name, Serial: fmt.Sprintf("51ab%04x", days&0xffff), Issuer: "CN=hcsroute CA",
			NotAfter: stagedNow().AddDate(0, 0, days), InUse: true,
		}
	}
	bad := one("agents.tls.cert", "host", 365)
	bad.InUse, bad.Problem = false, "certificate /etc/hcsroute/pki/host.crt with key /etc/hcsroute/pki/host.key: tls: private key does not match public key"
	return []certs.Certificate{
		one("agents.tls.cert", "host", 20), bad, one("agents.tls.ca", "ca", 3650),
		one("listen.remote.cert", "edge1", -3), one("listen.remote.ca", "operators-ca", 3650), one("listen.remote.ca", "operators-ca", -40),
	}
}

func (e everyState) Explain(context.Context, netip.Addr, []string) ([]fleet.Path, error) {
	return []fleet.Path{
		{Node: "k8s-master", Destination: "2001:db8:1234:5678:9abc:def0:1234:5600/120", NextHop: hallHop, Link: "eth7", Interface: hallPort, Metric: 256, Protocol: "hcsroute", Ours: true, Source: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:20"},
		{Node: "k8s-worker", Destination: "192.168.121.128/25", NextHop: "192.168.120.101", Link: "eth1", Interface: "Port3", Metric: 100, Protocol: "hcsroute", Ours: true, Source: "192.168.120.20"},
		{Node: "k8s-worker-2", Destination: "192.168.0.0/16", Link: "eth0", Protocol: "kernel", Source: "192.168.0.20"},
		{Node: "k8s-worker-3", Problem: "the node could not be asked: no answer from tcp://172.28.7.12:7443: connection refused"},
	}, nil
}

func (e everyState) Losses(context.Context) ([]fleet.Difference, error) {
	route := func(iface, destination, hop string) routes.Route {
		r, err := routes.Parse(routes.Text{Interface: iface, Destination: destination, NextHop: hop, Metric: 256})
		if err != nil {
			panic(err)
		}
		return r
	}
	return []fleet.Difference{
		{
			Node: "k8s-master", Loss: store.Loss{Node: "k8s-master"},
			OnlyInNode:  []routes.Route{route("Port3", "192.168.121.128/25", "192.168.120.101"), route(hallPort, "2001:db8:1234:5678:9abc:def0:1234:5600/120", hallHop)},
			OnlyInStore: []routes.Route{route("Port3", "192.168.22.0/24", "192.168.20.1")},
		},
		{Node: "k8s-worker", Loss: store.Loss{Node: "k8s-worker"}, Problem: "no answer within 10s; what it holds is not known"},
	}, nil
}
