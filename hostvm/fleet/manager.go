package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Options are what a Manager works with. Inventory, Store and Dialer are required.
type Options struct {
	Inventory hostvm.Inventory
	Store     store.Store
	Dialer    Dialer
	Policy    routes.Policy // the agents get whether routes may override on-link traffic
	Log       *slog.Logger  // nil: no log
	Version   string        // of the service, for the agents
	Timing    Timing
}

// Manager keeps one session with the agent in each node. It implements Fleet.
// Of its methods only Explain, Losses and Forgotten do I/O, and only Wait, Explain
// and Losses wait for a slow node.
type Manager struct {
	opts   Options
	timing Timing
	log    *slog.Logger

	ports portTable
	sets  setCache
	feed  changeFeed
	facts factsCache

	stored   signal // the store has a new revision or epoch
	answered signal // a node's status may have changed: for Wait
	unproved chan struct{}
	epoch    atomic.Uint64 // the store's, as followStore alone keeps it
	override atomic.Bool   // the policy lets routes override on-link traffic

	roster   roster
	learning sync.Mutex // held while the known nodes are read and taken over
}

// New makes a manager that knows the inventory's nodes, and those that
// had a session before this process began; Run starts it.
func New(ctx context.Context, o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{
		opts: o, timing: o.Timing.withDefaults(), log: o.Log,
		roster: roster{guarded: members{byID: map[string]*node{}}}, unproved: make(chan struct{}, 1),
	}
	m.epoch.Store(o.Store.Info().Version.Epoch)
	m.override.Store(o.Policy.OverrideOnLink == routes.Allow)
	m.takeInventory(o.Inventory.Current())
	return m, m.takeKnown(ctx)
}

// Run runs the inventory and keeps the sessions until ctx ends. It returns
// nil then, and an error when the inventory cannot be followed.
func (m *Manager) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	m.roster.update(func(s *members) {
		s.start = func(n *node) { group.Go(func() error { return n.run(running) }) }
		for _, n := range s.byID {
			s.start(n)
		}
	})
	group.Go(func() error { // the group has not ended before no node can be started in it
		<-running.Done()
		m.roster.update(func(s *members) { s.start = nil })
		return nil
	})
	for _, loop := range []func(context.Context) error{m.opts.Inventory.Run, m.followInventory, m.followStore, m.prove} {
		group.Go(func() error { return loop(running) })
	}
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

func (m *Manager) followInventory(ctx context.Context) error {
	for {
		changed := m.opts.Inventory.Changed()
		m.takeInventory(m.opts.Inventory.Current())
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (m *Manager) followStore(ctx context.Context) error {
	var followed routes.Version
	for {
		changed := m.opts.Store.Changed()
		if v := m.opts.Store.Info().Version; v != followed { // a proof is nothing to sessions
			m.followed(v)
			followed = v
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (m *Manager) followed(v routes.Version) {
	if m.epoch.Swap(v.Epoch) != v.Epoch {
		m.tryAgain()
		m.statusChanged() // a session may have carried it out already,
		m.proofDue()      // and have reported so when that proved nothing
	}
	m.stored.raise()
}

// SetPolicy puts another policy in force, and sends it to the agents.
func (m *Manager) SetPolicy(p routes.Policy) {
	if m.override.Swap(p.OverrideOnLink == routes.Allow) == (p.OverrideOnLink == routes.Allow) {
		return
	}
	m.roster.update(func(s *members) { // a node that is being made may have the previous policy
		for _, n := range s.byID {
			n.changed.raise()
		}
	})
}

// tryAgain makes every node without a session try at once: with another epoch
// the store may be right about what a node holds.
func (m *Manager) tryAgain() {
	for _, n := range m.all() {
		n.changed.raise()
	}
}

// takeInventory gives every node what the inventory says of it now.
func (m *Manager) takeInventory(snap *hostvm.Snapshot) {
	for _, p := range snap.Ports {
		if p.Role == routes.PortRoleData {
			m.ports.id(p.Alias)
		}
	}
	m.roster.update(func(s *members) {
		listed := map[string]bool{}
		for _, inv := range snap.Nodes {
			listed[inv.ID] = true
			s.node(m, inv.ID).setInventory(inv, snap)
		}
		for id, n := range s.byID {
			if !listed[id] && !n.setGone() {
				s.drop(n)
			}
		}
	})
	// Those gathered since the snapshot is new may have had the nodes as before.
	m.facts.forget()
	m.feed.addAll()
	m.answered.raise()
}

// takeKnown takes over from the store which nodes are known. Whoever has changed
// that there calls it then; one reads at a time, so that no older list comes after
// a newer one, and what was last read is what the store has.
func (m *Manager) takeKnown(ctx context.Context) error {
	m.learning.Lock()
	defer m.learning.Unlock()
	list, err := m.opts.Store.KnownNodes(ctx)
	if err != nil {
		return fmt.Errorf("read the known nodes: %w", err)
	}
	m.roster.update(func(s *members) {
		known := make(map[string]bool, len(list))
		for _, k := range list {
			known[k.ID] = true
			s.node(m, k.ID).setKnown(k)
		}
		for id, n := range s.byID {
			if !known[id] && n.forget() {
				s.drop(n)
			}
		}
	})
	m.facts.forget()
	m.statusChanged()
	return nil
}

// Inventory is the newest snapshot.
func (m *Manager) Inventory() *hostvm.Snapshot { return m.opts.Inventory.Current() }

// statusChanged wakes those who wait: a node's status of these routes may have
// changed; of all routes where there are no keys.
func (m *Manager) statusChanged(keys ...routes.Key) {
	if len(keys) == 0 {
		m.feed.addAll()
	} else {
		m.feed.add(keys)
	}
	m.answered.raise()
}
