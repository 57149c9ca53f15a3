package server_test

import (
	"context"
	"net/netip"
	"sync"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/routes"
)

// fakeFleet is a Fleet whose states a test injects.
type fakeFleet struct {
	mu        sync.Mutex
	ports     []routes.Port
	nics      []routes.NodeNIC
	protected []routes.Protected
	problem   string
	asked     map[string]int // calls of Facts by alias
	status    func(routes.Record) []routes.NodeStatus
	waits     func(ctx context.Context, rev routes.Revision) fleet.Waited
	awaited   []fleet.Awaited
	nodes     []fleet.NodeInfo
	adopted   []string
	forgotten []string
	losses    []fleet.Difference

	position uint64
	feed     []routes.Key
	changed  chan struct{}
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// newFleet is a device with one port of each kind and one node that programs
// all at once.
func newFleet() *fakeFleet {
	f := &fakeFleet{asked: map[string]int{}, changed: make(chan struct{}), position: 1}
	f.ports = []routes.Port{
		{Alias: "Port1", Link: routes.LinkStateUp, Role: routes.PortRoleManagement, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.10.2/24")},
		{Alias: "Port2", Link: routes.LinkStateUp, Addressing: routes.AddressingDHCP, Switch: "vswitch-Port2"},
		{Alias: "Port3", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.2/24", "fd00:20::2/64"), Switch: "vswitch-Port3", AltNames: []string{"eth3"}},
		{Alias: "Port4", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.40.2/24"), Team: "Team1"},
		{Alias: "Port5", Link: routes.LinkStateDown, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.50.2/24")},
	}
	f.nics = []routes.NodeNIC{{
		Node: "k8s-master", Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.11/24"),
		Connected: []routes.ConnectedRoute{{Prefix: netip.MustParsePrefix("192.168.20.0/24"), Metric: 0}},
	}}
	f.protected = []routes.Protected{routes.ProtectPrefix(routes.ProtectedInternal, netip.MustParsePrefix("10.0.10.0/24"))}
	f.status = func(rec routes.Record) []routes.NodeStatus {
		return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed, Revision: rec.Revision}}
	}
	f.waits = func(context.Context, routes.Revision) fleet.Waited { return fleet.Waited{Reached: true} }
	f.nodes = []fleet.NodeInfo{{Node: hostvm.Node{ID: "k8s-master", Name: "k8s-master", Role: "master"}, Connected: true, Known: true, Links: []fleet.Link{{Name: "eth1", Port: "Port3"}}}}
	return f
}

// set changes the fleet while it is in use.
func (f *fakeFleet) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// reported says that statuses of keys changed.
func (f *fakeFleet) reported(keys ...routes.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feed = append(f.feed, keys...)
	f.position += uint64(len(keys))
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeFleet) Facts(alias string) routes.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[alias]++
	facts := routes.Facts{Known: f.problem == "", Problem: f.problem, Ports: []string{"Port3", "Port5"}, Protected: f.protected}
	facts.Port, facts.Found = (&hostvm.Snapshot{Ports: f.ports}).Port(alias)
	if facts.Port.Alias == "Port3" {
		facts.NICs = f.nics
	}
	return facts
}

func (f *fakeFleet) Inventory() *hostvm.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &hostvm.Snapshot{Problem: f.problem, Ports: f.ports}
}

func (f *fakeFleet) Status(rec routes.Record) []routes.NodeStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status(rec)
}

func (f *fakeFleet) Wait(ctx context.Context, a fleet.Awaited) fleet.Waited {
	f.mu.Lock()
	waits := f.waits
	f.awaited = append(f.awaited, a)
	f.mu.Unlock()
	return waits(ctx, a.Revision)
}

func (f *fakeFleet) StatusChanges(pos uint64) (keys []routes.Key, all bool, next uint64, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if pos == 0 {
		return nil, true, f.position, f.changed
	}
	return f.feed[pos-1:], false, f.position, f.changed
}

func (f *fakeFleet) Nodes() []fleet.NodeInfo { return f.nodes }

func (f *fakeFleet) Explain(_ context.Context, a netip.Addr, names []string) ([]fleet.Path, error) {
	for _, name := range names {
		if _, err := fleet.Find(f.nodes, name); err != nil {
			return nil, err
		}
	}
	return []fleet.Path{{Node: "k8s-master", Destination: a.String() + "/32", Link: "eth1", Interface: "Port3", Ours: true, Protocol: "hcsroute"}}, nil
}

func (f *fakeFleet) Adopt(_ context.Context, node string) error {
	f.adopted = append(f.adopted, node)
	return nil
}

func (f *fakeFleet) Losses(context.Context) ([]fleet.Difference, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.losses, nil
}

func (f *fakeFleet) Forgotten(_ context.Context, id string) { f.forgotten = append(f.forgotten, id) }

// waitForever is a Wait of which no node answers.
func waitForever(begun chan struct{}) func(context.Context, routes.Revision) fleet.Waited {
	return func(ctx context.Context, _ routes.Revision) fleet.Waited {
		close(begun)
		<-ctx.Done()
		return fleet.Waited{Late: []routes.NodeStatus{{Node: "k8s-worker", State: routes.Waiting, Cause: routes.InProgress}}}
	}
}
