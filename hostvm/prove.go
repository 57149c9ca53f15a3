package hostvm

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/routes"
)

// proverLimit is how many nodes' proofs are written at a time; the store
// commits them as a group.
const proverLimit = 16

// proofDue tells the prover that a node has reported.
func (m *Manager) proofDue() {
	select {
	case m.unproved <- struct{}{}:
	default:
	}
}

// proof is what a node has shown: everything up to a revision, but for some keys.
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

// proof is what the node has shown since the last proof that was stored.
// Exceptions of any kind are left out: a failed removal is one, too.
func (n *node) proof() (proof, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := proof{upTo: n.carried.Revision}
	if !n.known || !n.carriedOut(p.upTo) || p.upTo == n.proved.upTo && len(n.exceptions) >= len(n.proved.except) && n.excepts(n.proved.except) {
		return p, false
	}
	p.except = make(map[routes.Key]struct{}, len(n.exceptions))
	for k := range n.exceptions {
		p.except[k] = struct{}{}
	}
	return p, true
}

// excepts tells whether all keys are exceptions still. Needs mu.
func (n *node) excepts(keys map[routes.Key]struct{}) bool {
	for k := range keys {
		if _, ok := n.exceptions[k]; !ok {
			return false
		}
	}
	return true
}

func (n *node) setProved(p proof) {
	n.mu.Lock()
	n.proved = p
	n.mu.Unlock()
}
