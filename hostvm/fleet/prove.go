package fleet

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/routes"
)

// proverLimit is how many nodes' proofs are written at a time; the store
// commits them as a group.
const proverLimit = 16

// proofDue wakes the prover: a node has reported.
func (m *Manager) proofDue() {
	select {
	case m.unproved <- struct{}{}:
	default:
	}
}

// proof is what a node has shown: everything up to a revision, except for some keys.
type proof struct {
	upTo   routes.Revision
	except map[routes.Key]struct{}
}

// prove writes proofs of removal to the store, off the path of reports and
// no more often than Timing.ProveEvery.
func (m *Manager) prove(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.unproved:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		m.proveAll(ctx)
		pause.Reset(m.timing.ProveEvery)
	}
}

func (m *Manager) proveAll(ctx context.Context) {
	m.endLosses(ctx)
	if m.opts.Store.Info().Removing == 0 {
		return
	}
	group := errgroup.Group{}
	group.SetLimit(proverLimit)
	for _, n := range m.all() {
		p, ok := n.proof()
		if !ok {
			continue
		}
		group.Go(func() error {
			if err := m.opts.Store.Prove(ctx, n.id, p.upTo, p.except); err != nil {
				if ctx.Err() == nil {
					m.log.Warn("the proof of removed routes was not stored", "node", n.id, "problem", err)
				}
				m.proofDue()
				return nil
			}
			n.setProved(p)
			return nil
		})
	}
	_ = group.Wait() // its functions return nil
}

// endLosses drops the losses of nodes that carry out this store's set, after an
// adoption or with an agent that was installed again: they keep nothing else
// any more. A node that does gets no session, so that none is dropped too early.
func (m *Manager) endLosses(ctx context.Context) {
	nodes := m.all()
	for _, loss := range m.opts.Store.Losses() {
		i := slices.IndexFunc(nodes, func(n *node) bool { return n.id == loss.Node })
		if i < 0 || !nodes[i].follows() {
			continue
		}
		if err := m.opts.Store.EndLoss(ctx, loss); err != nil {
			if ctx.Err() == nil {
				m.log.Warn("a loss that is over was not dropped", "node", loss.Node, "problem", err)
			}
			m.proofDue()
		}
	}
}

// follows is true where the agent, in a session, has carried out a set of this
// store's epoch. Before a session that is over is renewed, its node may come to
// hold another set.
func (n *node) follows() bool {
	l := n.lock()
	defer n.unlock()
	return l.carriedOut(l.carried.Revision) && !l.live.guarded.over
}

func (n *node) proof() (proof, bool) {
	l := n.lock()
	defer n.unlock()
	return l.proof()
}

// proof is what the node has shown since the last proof that was stored.
// Exceptions of any kind are left out: a failed removal is one, too.
func (l *ledger) proof() (proof, bool) {
	p := proof{upTo: l.carried.Revision}
	if !l.known || !l.carriedOut(p.upTo) || p.upTo == l.proved.upTo && len(l.exceptions) >= len(l.proved.except) && l.excepts(l.proved.except) {
		return p, false
	}
	p.except = make(map[routes.Key]struct{}, len(l.exceptions))
	for k := range l.exceptions {
		p.except[k] = struct{}{}
	}
	return p, true
}

// excepts reports whether all keys are exceptions still.
func (l *ledger) excepts(keys map[routes.Key]struct{}) bool {
	for k := range keys {
		if _, ok := l.exceptions[k]; !ok {
			return false
		}
	}
	return true
}

func (n *node) setProved(p proof) {
	l := n.lock()
	l.proved = p
	n.unlock()
}
