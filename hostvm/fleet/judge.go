package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// errDistrust is why a node gets no session although its agent answers: what
// it holds says that the store is wrong, or that the node lies.
var errDistrust = errors.New("nothing is changed in the node")

// refusal is why a node gets no session although its agent answers, and what can be
// done about that.
func refusal(problem, remedy string) *routes.Error {
	return &routes.Error{Reason: routes.Unavailable, Problem: problem, Action: remedy}
}

// distrust is errDistrust with its grounds.
func distrust(grounds, remedy string) *routes.Error {
	e := refusal(fmt.Sprintf("%s: %s", errDistrust, grounds), remedy)
	e.Cause = errDistrust
	return e
}

// judge decides what follows from the set that the agent holds: nothing or a
// delta (its base is known), or the whole set. For a node
// that an operator has adopted (adopt) it is the whole set, whatever it holds.
func (s *session) judge(ctx context.Context, hello *pb.AgentHello, d dialing) error {
	held, authenticator, err := agentapi.FromAuthentic(hello.Version)
	if err != nil {
		return fmt.Errorf("the agent's version: %w", err)
	}
	id := s.m.opts.Store.Info().Version.StoreID
	switch {
	case d.adopt:
		s.allow(min(held.Count, maxHeld))
		s.opens(exchange{held: held, whole: true})
		return nil
	case held.StoreID != "" && held.StoreID != id:
		return refusal(fmt.Sprintf("the node holds routes of another store (%s, not %s)", claim(held.StoreID), id),
			fmt.Sprintf("Run 'hcsroute nodes adopt %s' if this device shall replace them", d.Name))
	case held.StoreID == id:
		raised, err := s.weigh(ctx, held, authenticator)
		if err != nil || raised {
			s.opens(exchange{held: held, whole: true})
			return err
		}
	}
	x := exchange{held: held, whole: true}
	if s.m.knows(held, s.m.opts.Store.Info().Version) {
		x.base, x.whole = held, false
	}
	s.opens(x)
	s.sent = held
	return nil
}

func (s *session) opens(with exchange) {
	_, x := s.lock()
	defer s.unlock()
	*x = with
}

// weigh asks the store what it knows of a version of its own that a node
// claims. A claim without proof counts for nothing, and must not contradict
// the store; a proof that the store has lost something ends the session.
func (s *session) weigh(ctx context.Context, held routes.Version, authenticator []byte) (raised bool, err error) {
	standing, err := s.m.opts.Store.Judge(ctx, s.n.id, held, authenticator)
	if err != nil {
		s.m.log.Error("a loss could not be noted in the store", "node", s.n.id, "error", err)
	}
	now := s.m.opts.Store.Info().Version
	contradicts := held != now && !now.Newer(held)
	if standing != store.Unproven {
		s.allow(min(held.Count, maxHeld))
	}
	switch {
	case standing == store.Lost:
		return false, distrust(
			fmt.Sprintf("it holds epoch %d revision %d, which this store issued and does not have (it is at epoch %d revision %d), so the store has lost acknowledged changes",
				held.Epoch, held.Revision, now.Epoch, now.Revision),
			"See 'hcsroute store behind', then restore a backup or run 'hcsroute store accept'")
	case standing == store.Unproven && contradicts:
		return false, distrust(
			fmt.Sprintf("it claims to hold epoch %d revision %d, which nothing shows that this store ever issued (it is at epoch %d revision %d)",
				held.Epoch, held.Revision, now.Epoch, now.Revision),
			fmt.Sprintf("Find out why, then run 'hcsroute nodes adopt %s' if this device shall replace what it holds", s.n.title()))
	case standing == store.Superseded && contradicts:
		// The agent has seen a future that an operator has given up: number past it.
		err := s.m.opts.Store.RaiseEpoch(ctx, held.Epoch, store.Caller{Actor: "hcsrouted", Origin: "node " + s.n.id})
		if err != nil {
			return false, fmt.Errorf("the node is ahead of the store (epoch %d revision %d); raise the epoch: %w", held.Epoch, held.Revision, err)
		}
		return true, nil // followStore sees it as it sees any other
	}
	return false, nil
}
