// Package clitest is the service that the CLI's tests talk to: the real API
// over a real socket, with routes in memory decided by the domain's own rules,
// a fixed clock and two nodes.
package clitest

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Model is the service's state. Its fields are set before it is started.
type Model struct {
	// Silent names a node that never programs anything.
	Silent string
	// Refuse answers every write with this error.
	Refuse error
	// Delay holds every write back until it is closed.
	Delay chan struct{}

	mu       sync.Mutex
	records  map[netip.Prefix]map[routes.Key]routes.Record // inner maps are replaced, not changed
	count    int
	revision routes.Revision
	replies  map[string]any
	audit    []*pb.AuditRecord
	events   []*pb.WatchRoutesResponse
	changed  chan struct{}
	batches  []int // items of each write call
	stop     chan struct{}
}

// Batches tells how many items each write call had.
func (m *Model) Batches() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.batches)
}

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func (m *Model) ports() []routes.Port {
	prefix := netip.MustParsePrefix
	return []routes.Port{
		{Alias: "Port1", MAC: "02:00:00:00:00:01", Up: true, Role: routes.PortRoleManagement, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("10.0.0.10/24")}},
		{Alias: "Port2", MAC: "02:00:00:00:00:02", Up: true, Addressing: routes.AddressingDHCP, Addresses: []netip.Prefix{prefix("203.0.113.10/24")}},
		{Alias: "Port3", MAC: "02:00:00:00:00:03", Up: true, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("192.168.20.10/24"), prefix("2001:db8:20::10/64")}, Switch: "vswitch-Port3"},
		{Alias: "Port4", MAC: "02:00:00:00:00:04", Up: false, Addressing: routes.AddressingStatic, Addresses: []netip.Prefix{prefix("192.168.40.10/24")}},
		{Alias: "Port5", MAC: "02:00:00:00:00:05", Up: true, Addressing: routes.AddressingStatic, Team: "Team1"},
	}
}

func (m *Model) facts(alias string) routes.Facts {
	f := routes.Facts{Known: true}
	for _, p := range m.ports() {
		if p.Role == routes.PortRoleData {
			f.Ports = append(f.Ports, p.Alias)
		}
		if routes.FoldAlias(p.Alias) == routes.FoldAlias(alias) {
			f.Port, f.Found = p, true
		}
	}
	return f
}

func (m *Model) policy() routes.Policy {
	return routes.Policy{Protected: []routes.Protected{
		routes.ProtectPrefix(routes.ProtectedPods, netip.MustParsePrefix("172.27.0.0/16")),
		routes.ProtectPrefix(routes.ProtectedService, netip.MustParsePrefix("172.28.0.0/16")),
	}}
}

// at are the records of a destination, in order.
func (m *Model) at(dst netip.Prefix) []routes.Record {
	var out []routes.Record
	for _, rec := range m.records[dst] {
		out = append(out, rec)
	}
	slices.SortFunc(out, func(a, b routes.Record) int { return a.Route.Key().Compare(b.Route.Key()) })
	return out
}

// put stores a record, or with removed true takes it away.
func (m *Model) put(rec routes.Record, removed bool) {
	dst, key := rec.Route.Destination(), rec.Route.Key()
	at := maps.Clone(m.records[dst])
	if at == nil {
		at = map[routes.Key]routes.Record{}
	}
	m.count -= len(at)
	if removed {
		delete(at, key)
	} else {
		at[key] = rec
	}
	m.count += len(at)
	m.records[dst] = at
}

func (m *Model) sorted() []routes.Record {
	out := make([]routes.Record, 0, m.count)
	for _, at := range m.records {
		for _, rec := range at {
			out = append(out, rec)
		}
	}
	slices.SortFunc(out, func(a, b routes.Record) int { return a.Route.Key().Compare(b.Route.Key()) })
	return out
}

func (m *Model) check(r routes.Route) (routes.Route, []routes.Warning, error) {
	f := m.facts(r.Interface())
	warnings, err := routes.Check(r, f, m.policy())
	if err != nil {
		return r, nil, err
	}
	r, err = r.WithInterface(f.Port.Alias)
	return r, warnings, err
}

// nodes is a record's status on the two nodes.
func (m *Model) nodes(rec routes.Record) []routes.NodeStatus {
	var out []routes.NodeStatus
	for _, name := range []string{"k8s-master", "k8s-worker"} {
		s := routes.NodeStatus{Node: name, State: routes.Programmed, Revision: rec.Revision, Time: clock()}
		switch {
		case m.facts(rec.Route.Interface()).Port.Switch == "":
			s.State, s.Cause, s.Detail = routes.Waiting, routes.NoNodeNIC, "the node has no NIC on "+rec.Route.Interface()
		case name == m.Silent:
			s.State, s.Cause, s.Detail = routes.Waiting, routes.AgentUnreachable, "no answer from unix:///run/agent.sock"
		}
		out = append(out, s)
	}
	return out
}

func (m *Model) proto(rec routes.Record) *pb.Route {
	return wire.Record(rec, m.nodes(rec), false)
}
