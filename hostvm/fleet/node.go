package fleet

import (
	"sync"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/store"
)

// node is what the manager knows of one node. Its goroutine is run.
type node struct {
	m       *Manager
	id      string
	dropped chan struct{} // closed when the node is neither listed nor known
	changed signal        // inventory or adoption

	mu      sync.Mutex
	guarded ledger // for whoever has it from lock
}

func newNode(m *Manager, id string) *node {
	return &node{m: m, id: id, dropped: make(chan struct{}), guarded: ledger{epoch: &m.epoch, ports: &m.ports, name: id, problem: "no session yet"}}
}

// lock gives the ledger until unlock. It is never held during I/O.
func (n *node) lock() *ledger {
	n.mu.Lock()
	return &n.guarded
}

func (n *node) unlock() { n.mu.Unlock() }

func (n *node) title() string {
	l := n.lock()
	defer n.unlock()
	return l.name
}

// setInventory takes over what the inventory says.
func (n *node) setInventory(inv hostvm.Node, snap *hostvm.Snapshot) {
	l := n.lock()
	news := l.setInventory(inv, snap)
	n.unlock()
	if news {
		n.changed.raise()
	}
}

// setGone notes that the inventory does not list the node. It reports whether
// the node stays because it is known.
func (n *node) setGone() bool {
	l := n.lock()
	was, known := l.listed, l.known
	l.listed = false
	n.unlock()
	if was {
		n.changed.raise()
	}
	return known
}

func (n *node) setKnown(k store.KnownNode) {
	l := n.lock()
	defer n.unlock()
	l.setKnown(k)
}

// target is what the session loop works towards.
type target struct {
	hostvm.Node
	dial  bool // the node is to have a session
	adopt bool
}

func (n *node) target() target {
	l := n.lock()
	defer n.unlock()
	return l.target()
}
