package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// errLastEpoch: an epoch that wrapped would be older than all others, and
// honest nodes would refuse the store for ever.
var errLastEpoch = errors.New("its epoch cannot be raised any more, as after a forged claim that an earlier release believed; " +
	"export the routes, begin with an empty store, apply them, and adopt each node")

// raised is an epoch later than past and the store's own, and the next revision.
func raised(v routes.Version, past uint64) (routes.Version, error) {
	past = max(v.Epoch, past)
	if past == math.MaxUint64 || v.Revision == math.MaxUint64 {
		return v, errLastEpoch
	}
	v.Epoch, v.Revision = past+1, v.Revision+1
	return v, nil
}

// RaiseEpoch implements store.Store.
func (s *Store) RaiseEpoch(ctx context.Context, past uint64, who store.Caller) error {
	return s.submit(ctx, 1, func(g *group) error {
		if g.st.version.Epoch > past {
			return nil
		}
		return s.refused(g.raise(past, store.AuditRecord{Caller: who, Action: "raise-epoch", Items: 1}))
	})
}

// refused names the store in errLastEpoch.
func (s *Store) refused(err error) error {
	if err != nil {
		return failed(s.path, err)
	}
	return nil
}

// raise makes the epoch later than past and audits why.
func (g *group) raise(past uint64, why store.AuditRecord) error {
	v, err := raised(g.st.version, past)
	if err != nil {
		return err
	}
	why.Note = fmt.Sprintf("epoch %d, was %d%s", v.Epoch, g.st.version.Epoch, why.Note)
	g.st.version = v
	g.audit(why)
	g.event(nil)
	return nil
}

// Judge implements store.Store.
func (s *Store) Judge(ctx context.Context, node string, v routes.Version, authenticator []byte) (store.Standing, error) {
	l, now := s.log.lineage()
	standing := s.standing(l, now, v, authenticator)
	if standing != store.Lost || l.lost(store.Loss{Node: node, Version: v}) == l {
		return standing, nil
	}
	err := s.submit(ctx, 1, func(g *group) error {
		// An operator may have accepted it since.
		if standing = s.standing(g.lineage, g.owned(), v, authenticator); standing != store.Lost {
			return nil
		}
		next := g.lineage.lost(store.Loss{Node: node, Version: v, Time: g.now})
		if next == g.lineage {
			return nil
		}
		g.lineage = next
		g.audit(store.AuditRecord{
			Caller: store.Caller{Actor: "hcsrouted", Origin: "node " + node}, Action: "loss-proved",
			Note: fmt.Sprintf("node %s holds epoch %d revision %d with %d routes, which this store issued and does not have", node, v.Epoch, v.Revision, v.Count),
		})
		return nil
	})
	if err != nil { // then nothing was accepted either
		return store.Lost, err
	}
	return standing, nil
}

// owned is the version up to which the lineage's last life reaches: one that
// begins with this group is not in it yet.
func (g *group) owned() routes.Version {
	v := g.st.version
	if g.fresh {
		v.Revision = g.begun
	}
	return v
}

// EndLoss implements store.Store.
func (s *Store) EndLoss(ctx context.Context, loss store.Loss) error {
	return s.submit(ctx, 1, func(g *group) error {
		next := g.lineage.without(same(loss))
		if next == g.lineage {
			return nil
		}
		g.lineage = next
		g.audit(store.AuditRecord{
			Caller: store.Caller{Actor: "hcsrouted", Origin: "node " + loss.Node}, Action: "loss-ended",
			Note: fmt.Sprintf("node %s follows this store again; it does not hold epoch %d revision %d any more", loss.Node, loss.Version.Epoch, loss.Version.Revision),
		})
		return nil
	})
}

// Losses implements store.Store.
func (s *Store) Losses() []store.Loss {
	l, _ := s.log.lineage()
	return l.losses
}

// Accept implements store.Store.
func (s *Store) Accept(ctx context.Context, who store.Caller, seen []store.Loss) error {
	err := s.submit(ctx, 1, func(g *group) error {
		past, note := g.st.version.Epoch, ""
		for _, loss := range g.lineage.losses {
			if !slices.ContainsFunc(seen, same(loss)) {
				return unseen(loss)
			}
			past = max(past, loss.Version.Epoch)
			note += fmt.Sprintf("; node %s held epoch %d revision %d", loss.Node, loss.Version.Epoch, loss.Version.Revision)
		}
		if err := s.refused(g.raise(past, store.AuditRecord{Caller: who, Action: "accept-loss", Items: 1, Note: note})); err != nil {
			return err
		}
		l, err := newLineage(g.st.version.Revision, true)
		if err != nil {
			return g.fail(err)
		}
		g.lineage = l
		return nil
	})
	if err == nil {
		s.log.opened("")
	}
	return err
}

// unseen refuses to accept a loss that the operator does not know of.
func unseen(loss store.Loss) error {
	return &routes.Error{
		Reason: routes.RevisionMismatch, Field: "losses", Value: fmt.Sprintf("node %s, epoch %d revision %d", loss.Node, loss.Version.Epoch, loss.Version.Revision),
		Problem: "this node has proved a loss that is not among those to be accepted; nothing was accepted",
		Action:  "Look again with hcsroute store behind, then accept",
	}
}
