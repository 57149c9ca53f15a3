package fleet

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// roster is the nodes that the manager has.
type roster struct {
	mu      sync.Mutex
	guarded members // for update alone
	list    atomic.Pointer[[]*node]
}

// members are the nodes by id, and what starts another one while Run runs.
type members struct {
	byID  map[string]*node
	start func(*node)
}

// update is the only way to the members. It is never held during I/O.
func (r *roster) update(do func(*members)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(&r.guarded)
	list := make([]*node, 0, len(r.guarded.byID))
	for _, n := range r.guarded.byID {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *node) int { return cmp.Or(cmp.Compare(a.title(), b.title()), cmp.Compare(a.id, b.id)) })
	r.list.Store(&list)
}

// node returns the node with that id, made and started where it is new.
func (s *members) node(m *Manager, id string) *node {
	n, ok := s.byID[id]
	if !ok {
		n = newNode(m, id)
		s.byID[id] = n
		if s.start != nil {
			s.start(n)
		}
	}
	return n
}

// drop lets go of a node that is neither listed nor known.
func (s *members) drop(n *node) {
	delete(s.byID, n.id)
	close(n.dropped)
}

// all are the nodes, sorted by name; the slice is not to be changed.
func (m *Manager) all() []*node { return *m.roster.list.Load() }
