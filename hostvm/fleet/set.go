package fleet

import (
	"context"
	"sync"
	"weak"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// partRoutes is the number of routes in a part of a snapshot: the agent works
// on one while the next is on its way.
const partRoutes = 500

// smallDelta is how many changes a set may be behind the store.
const smallDelta = 2000

// maxDelta is how many changes go as a delta; more go as a snapshot.
const maxDelta = 20000

// set is the whole desired set, encoded once for all sessions. Immutable.
type set struct {
	version routes.Version
	parts   []*pb.SessionRequest // the last one carries the version
}

// setCache shares a set among the sessions that send it at the same time.
type setCache struct {
	once  sync.Once
	turn  chan struct{} // whoever holds it may build
	built weak.Pointer[set]
}

// wholeSet returns the desired set, no further behind the store than a small
// delta. The store is read to the end before anything is sent, so that a slow
// node never holds up the store.
func (m *Manager) wholeSet(ctx context.Context) (*set, error) {
	c := &m.sets
	c.once.Do(func() { c.turn = make(chan struct{}, 1) })
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case c.turn <- struct{}{}:
	}
	defer func() { <-c.turn }()
	if s := c.built.Value(); s != nil && m.follows(s.version) {
		return s, nil
	}
	s, err := m.buildSet(ctx)
	if err == nil {
		c.built = weak.Make(s)
	}
	return s, err
}

// follows reports whether a small delta leads from v to the store's set.
func (m *Manager) follows(v routes.Version) bool {
	now := m.opts.Store.Info().Version
	if now == v {
		return true
	}
	if now.StoreID != v.StoreID || now.Epoch != v.Epoch || now.Revision < v.Revision {
		return false
	}
	events, ok := m.opts.Store.Since(store.Beyond(v.Revision))
	return ok && changesOf(events) <= smallDelta
}

// changesOf counts the changes of routes; a node is sent no proofs.
func changesOf(events []store.Event) (total int) {
	for _, e := range events {
		if e.Proofs == 0 {
			total += len(e.Changes)
		}
	}
	return total
}

func (m *Manager) buildSet(ctx context.Context) (*set, error) {
	s := &set{}
	var blocks []*pb.RouteBlock
	count := 0
	flush := func() {
		s.parts = append(s.parts, &pb.SessionRequest{Message: &pb.SessionRequest_Snapshot{Snapshot: &pb.Snapshot{Blocks: blocks}}})
		blocks, count = nil, 0
	}
	version, err := m.opts.Store.Snapshot(ctx, false, func(rec routes.Record) error {
		if rec.Removed {
			return nil
		}
		blocks = agentapi.AppendRoute(blocks, m.ports.id(rec.Route.Interface()), rec.Route)
		if count++; count == partRoutes {
			flush()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	flush()
	s.version = version
	last := s.parts[len(s.parts)-1].GetSnapshot()
	last.Last, last.Version = true, agentapi.Authentic(version, m.opts.Store.Authenticator(version))
	return s, nil
}
