package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// run keeps a session with the node while the inventory wants one.
func (n *node) run(ctx context.Context) error {
	var pause backoff
	for {
		changed := n.changed.wait()
		t := n.target()
		var retry <-chan time.Time
		if !t.dial {
			n.end(nil)
		} else {
			ok, err := n.session(ctx, t)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // told to end, which is why the session failed
			}
			if ok {
				pause = backoff{}
			}
			if n.renews() {
				continue
			}
			changed = n.changed.wait() // what changed meanwhile is no reason for haste, but for:
			if now := n.target(); now.dial != t.dial || now.Endpoint != t.Endpoint || now.State != t.State || now.adopt && !t.adopt {
				pause = backoff{}
				continue
			}
			if errors.As(err, new(errExcess)) {
				pause.last = n.m.timing.RetryMax
			}
			wait := pause.next(n.m.timing.RetryMin, n.retryLimit(t))
			n.failed(ctx, err, wait)
			retry = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.dropped:
			return nil
		case <-retry:
		case <-changed:
			pause = backoff{}
		}
	}
}

// retryLimit is short where only trying tells whether the node runs.
func (n *node) retryLimit(t target) time.Duration {
	if t.State == hostvm.NodeRunning {
		return n.m.timing.RetryMax
	}
	return min(n.m.timing.RetryMax, n.m.timing.RetryMaxAuto)
}

// failed notes why there is no session; the log has each reason once.
func (n *node) failed(ctx context.Context, err error, retry time.Duration) {
	n.mu.Lock()
	news := n.logged != err.Error()
	n.logged = err.Error()
	n.lacks(err)
	n.mu.Unlock()
	if news {
		level := slog.LevelWarn
		if errors.Is(err, errDistrust) {
			level = slog.LevelError
		}
		n.m.log.Log(ctx, level, "no session with the agent", "node", n.id, "problem", err, "retry", retry)
		n.m.statusChanged()
	}
}

// lacks notes why there is no session, and what can be done. Needs mu.
func (n *node) lacks(why error) {
	n.problem, n.remedy = why.Error(), ""
	var e *routes.Error
	if errors.As(why, &e) {
		n.problem, n.remedy = e.Message(), e.Remedy()
	}
}

// begin makes the session the node's; the agent's hello was accepted. What was
// told before stands where the session renews one, until it reports, unless the
// agent holds less than that.
func (n *node) begin(s *session, hello *pb.AgentHello) {
	n.mu.Lock()
	renewed := n.live != nil && n.reported && (s.held == n.carried || s.held.StoreID == n.carried.StoreID && s.held.Newer(n.carried))
	if renewed {
		s.old.Reset(time.Until(n.lastReport.Add(2 * n.m.timing.ReportEvery)))
	} else {
		n.alarm, n.reported, n.answered, n.stale = "", false, 0, false
	}
	n.live, n.problem, n.remedy, n.logged, n.unstored = s, "", "", "", 0
	n.links = fromNICs(n.name, hello.Nics)
	n.agent, n.kernel = claim(hello.AgentVersion), claim(hello.Kernel)
	n.mu.Unlock()
	n.m.log.Info("session with the agent", "node", n.id, "renewed", renewed, "agent", claim(hello.AgentVersion), "kernel", claim(hello.Kernel))
	n.m.facts.forget()
	if renewed {
		n.m.answered.raise()
		return
	}
	n.m.statusChanged()
}

// finish ends the session s. One that was good and is to be renewed leaves the
// node as it is: the next attempt, which is made at once, tells. A session that
// comes to that as soon as it has begun is no good.
func (n *node) finish(s *session, why error) {
	n.mu.Lock()
	s.over = (errors.Is(why, errAged) || errors.As(why, new(errUnproven))) && s.reported && !s.accused && time.Since(s.begun) >= n.m.timing.RetryMax
	over := s.over
	n.mu.Unlock()
	if over {
		n.m.log.Info("a session is renewed", "node", n.id, "why", why)
		return
	}
	s.old.Stop()
	n.end(why)
}

// renews tells whether the session is over and what was told in it stands.
func (n *node) renews() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.live != nil
}

// end leaves what the agent told as what was last seen.
func (n *node) end(why error) {
	n.mu.Lock()
	ends, accused := n.live != nil, n.live != nil && n.live.accused
	n.live, n.links = nil, nil // facts of its NICs end with the session
	if ends && why != nil {
		n.lacks(why)
	}
	switch {
	case accused:
		n.dropTold() // it may have told more since
	case errors.As(why, new(errExcess)):
		n.accuse(why)
	}
	n.mu.Unlock()
	if ends {
		n.m.facts.forget()
		n.m.statusChanged()
	}
}

// outdated notes that the agent of a session has not reported in time: what it
// said is not known to be true any more.
func (n *node) outdated(s *session) {
	n.mu.Lock()
	stale := n.live == s && time.Since(n.lastReport) >= 2*n.m.timing.ReportEvery
	n.stale = n.stale || stale
	n.mu.Unlock()
	if stale {
		n.m.log.Warn("the agent does not report", "node", n.id, "for", 2*n.m.timing.ReportEvery)
		n.m.statusChanged()
	}
}

// silence says for how long the agent has not reported. Needs mu.
func (n *node) silence() string {
	if n.lastReport.IsZero() {
		return "its agent has not reported yet"
	}
	return fmt.Sprintf("its agent has not reported for %s", time.Since(n.lastReport).Round(time.Second))
}

// accuse drops what the node told, and keeps why. A session that is live ends:
// until it has, a report of changes alone stands for nothing. Needs mu.
func (n *node) accuse(why error) {
	if s := n.live; s != nil {
		n.reported, s.reported, s.accused = false, false, true
		s.cancel(why)
	}
	n.accused = accusation{why.Error(), time.Now()}
	n.dropTold()
	n.m.log.Error("a node tells what cannot be", "node", n.id, "problem", why)
}

// dropTold forgets what the node told of routes. Needs mu.
func (n *node) dropTold() {
	n.exceptions, n.alarm = nil, ""
	n.carried, n.lastReport = routes.Version{}, time.Time{}
}

// know makes the node known in the store, once a session. Where the store
// takes no writes it is tried again with the next change; no removal can be
// stored meanwhile either.
func (s *session) know(ctx context.Context) {
	if s.knew {
		return
	}
	n := s.n
	n.mu.Lock()
	k, known := store.KnownNode{ID: n.id, Name: n.name, Since: time.Now()}, n.known
	n.mu.Unlock()
	if !known {
		err := s.m.opts.Store.Know(ctx, k)
		if err == nil {
			err = s.m.takeKnown(context.WithoutCancel(ctx)) // it may be known by now, or forgotten again
		}
		if err != nil {
			s.m.log.Warn("the node could not be made known", "node", n.id, "problem", err)
			return
		}
	}
	s.knew = true
}

func (n *node) portsMessage() *pb.Ports {
	n.mu.Lock()
	macs, sequence := n.macs, n.wiring.sequence // macs is replaced, never changed
	n.mu.Unlock()
	msg := n.m.ports.message(macs, n.m.override.Load())
	msg.Sequence = sequence
	return msg
}
