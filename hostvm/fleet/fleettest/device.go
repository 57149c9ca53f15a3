// Package fleettest is a made-up fleet, for tests of what asks one.
package fleettest

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Device is a fleet of five ports and two nodes that program at once what the
// store has; one of them may be silent.
type Device struct {
	Silent string // name of a node that never answers; empty: none
	Store  store.Store
	Now    func() time.Time
}

func endpoint(node string) string { return "unix:///run/" + node + ".sock" }

func noAnswer(node string) string { return "no answer from " + endpoint(node) }

func nodeNames() []string { return []string{"k8s-master", "k8s-worker"} }

func ports() []routes.Port {
	prefix := netip.MustParsePrefix
	return []routes.Port{
		{Alias: "Port1", MAC: "02:00:00:00:00:01", Link: routes.LinkStateUp, Role: routes.PortRoleManagement, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("10.0.0.10/24")}},
		{Alias: "Port2", MAC: "02:00:00:00:00:02", Link: routes.LinkStateUp, Addressing: routes.AddressingDHCP, Addresses: []netip.Prefix{prefix("203.0.113.10/24")}},
		{Alias: "Port3", MAC: "02:00:00:00:00:03", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("192.168.20.10/24"), prefix("2001:db8:20::10/64")}, Switch: "vswitch-Port3"},
		{Alias: "Port4", MAC: "02:00:00:00:00:04", Link: routes.LinkStateDown, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("192.168.40.10/24")}},
		{Alias: "Port5", MAC: "02:00:00:00:00:05", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Team: "Team1"},
	}
}

// Facts implements fleet.Fleet.
func (d *Device) Facts(alias string) routes.Facts {
	f := routes.Facts{Known: true}
	for _, p := range ports() {
		if p.Role == routes.PortRoleData {
			f.Ports = append(f.Ports, p.Alias)
		}
		if routes.FoldAlias(p.Alias) == routes.FoldAlias(alias) {
			f.Port, f.Found = p, true
		}
	}
	return f
}

// Inventory implements fleet.Fleet.
func (d *Device) Inventory() *hostvm.Snapshot { return &hostvm.Snapshot{Ports: ports()} }

// Status implements fleet.Fleet.
func (d *Device) Status(rec routes.Record) []routes.NodeStatus {
	var out []routes.NodeStatus
	for _, name := range nodeNames() {
		s := routes.NodeStatus{Node: name, State: routes.Programmed, Revision: rec.Revision, Time: d.Now()}
		switch {
		case rec.Removed:
			s.State = routes.Removing
		case d.Facts(rec.Route.Interface()).Port.Switch == "":
			s.State, s.Cause, s.Detail = routes.Waiting, routes.NoNodeNIC, "the node has no NIC on a switch of "+rec.Route.Interface()
		case name == d.Silent:
			s.State, s.Cause, s.Detail = routes.Waiting, routes.AgentUnreachable, noAnswer(name)
		case rec.Revision > d.Store.Info().Version.Revision: // a dry run's
			s.State, s.Cause = routes.Waiting, routes.InProgress
		}
		out = append(out, s)
	}
	return out
}

// Know makes the nodes known to the store, as their first sessions would.
func (d *Device) Know(ctx context.Context) error {
	for _, name := range nodeNames() {
		if err := d.Store.Know(ctx, store.KnownNode{ID: name, Name: name}); err != nil {
			return err
		}
	}
	return nil
}

// Wait implements fleet.Fleet: the nodes that answer prove removals. Routes of
// ports on which no node has a NIC keep nobody waiting.
func (d *Device) Wait(ctx context.Context, a fleet.Awaited) fleet.Waited {
	for _, name := range nodeNames() {
		if name == d.Silent {
			continue
		}
		if err := d.Store.Prove(ctx, name, a.Revision, nil); err != nil {
			return fleet.Waited{Late: []routes.NodeStatus{{Node: name, State: routes.Failed, Detail: err.Error()}}}
		}
	}
	onNICs := func(k routes.Key) bool { return d.Facts(k.Interface).Port.Switch != "" }
	if d.Silent == "" || len(a.Keys) > 0 && len(a.Gone) == 0 && !slices.ContainsFunc(a.Keys, onNICs) {
		return fleet.Waited{Reached: true}
	}
	<-ctx.Done()
	return fleet.Waited{Late: []routes.NodeStatus{{Node: d.Silent, State: routes.Waiting, Cause: routes.AgentUnreachable, Detail: noAnswer(d.Silent)}}}
}

// StatusChanges implements fleet.Fleet.
func (d *Device) StatusChanges(uint64) ([]routes.Key, bool, uint64, <-chan struct{}) {
	return nil, false, 1, make(chan struct{})
}

// Nodes implements fleet.Fleet.
func (d *Device) Nodes() []fleet.NodeInfo {
	var out []fleet.NodeInfo
	for _, name := range nodeNames() {
		n := fleet.NodeInfo{
			Node:      hostvm.Node{ID: name, Name: name, Role: "worker", State: hostvm.NodeAuto, Endpoint: endpoint(name)},
			Connected: name != d.Silent, Known: true, LastReport: d.Now(), Links: []fleet.Link{{Name: "eth1", Port: "Port3"}},
		}
		if name == "k8s-master" {
			n.Role = "master"
		}
		if n.Connected {
			has := d.Store.Info().Version
			n.Revision, n.Programmed = has.Revision, has.Count
		} else {
			n.Problem, n.Remedy = noAnswer(name), "See 'systemctl status hcsroute-agent' in the node."
		}
		out = append(out, n)
	}
	return out
}

// Explain implements fleet.Fleet.
func (d *Device) Explain(_ context.Context, _ netip.Addr, names []string) ([]fleet.Path, error) {
	for _, name := range names {
		if _, err := fleet.Find(d.Nodes(), name); err != nil {
			return nil, err
		}
	}
	return []fleet.Path{
		{Node: "k8s-master", Destination: "192.168.21.0/24", NextHop: "192.168.20.1", Link: "eth1", Interface: "Port3", Metric: 100, Protocol: "hcsroute", Ours: true},
		{Node: "k8s-worker", Problem: "the node could not be asked: no session"},
	}, nil
}

// Adopt implements fleet.Fleet.
func (d *Device) Adopt(_ context.Context, node string) error {
	_, err := fleet.Find(d.Nodes(), node)
	return err
}

// Losses implements fleet.Fleet.
func (d *Device) Losses(context.Context) ([]fleet.Difference, error) { return nil, nil }

// Forgotten implements fleet.Fleet.
func (d *Device) Forgotten(context.Context, string) {}
