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
				return nil //nolint:nilerr // ctx has ended, which is why the session failed
			}
			if ok {
				pause = backoff{}
			}
			if n.renews() {
				continue
			}
			changed = n.changed.wait() // what changed meanwhile is no reason for haste, except for:
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

// retryLimit is short where only trying reports whether the node runs.
func (n *node) retryLimit(t target) time.Duration {
	if t.State == hostvm.NodeRunning {
		return n.m.timing.RetryMax
	}
	return min(n.m.timing.RetryMax, n.m.timing.RetryMaxAuto)
}

// failed notes why there is no session; the log has each reason once.
func (n *node) failed(ctx context.Context, err error, retry time.Duration) {
	l := n.lock()
	news := l.logged != err.Error()
	l.logged = err.Error()
	l.lacks(err)
	n.unlock()
	if news {
		level := slog.LevelWarn
		if errors.Is(err, errDistrust) {
			level = slog.LevelError
		}
		n.m.log.Log(ctx, level, "no session with the agent", "node", n.id, "problem", err, "retry", retry)
		n.m.statusChanged()
	}
}

// lacks notes why there is no session, and what can be done.
func (l *ledger) lacks(why error) {
	l.problem, l.remedy = why.Error(), ""
	var e *routes.Error
	if errors.As(why, &e) {
		l.problem, l.remedy = e.Message(), e.Remedy()
	}
}

// begin makes the session the node's; the agent's hello was accepted.
func (n *node) begin(s *session, hello *pb.AgentHello) {
	l := n.lock()
	renewed := l.begin(s, hello)
	if renewed {
		s.old.Reset(time.Until(l.lastReport.Add(2 * n.m.timing.ReportEvery)))
	}
	n.unlock()
	n.m.log.Info("session with the agent", "node", n.id, "renewed", renewed, "agent", claim(hello.AgentVersion), "kernel", claim(hello.Kernel))
	n.m.facts.forget()
	if renewed {
		n.m.answered.raise()
		return
	}
	n.m.statusChanged()
}

// begin is the ledger's part of it. Where the session renews one, what was
// reported before stands until the new one reports, unless the agent now holds
// an older version.
func (l *ledger) begin(s *session, hello *pb.AgentHello) (renewed bool) {
	held := s.guarded.held
	renewed = l.live != nil && l.reported && (held == l.carried || held.StoreID == l.carried.StoreID && held.Newer(l.carried))
	if !renewed {
		l.alarms, l.reported, l.answered, l.stale = nil, false, 0, false
	}
	l.live, l.problem, l.remedy, l.logged, l.unstored = s, "", "", "", 0
	l.links = fromNICs(l.name, hello.Nics)
	l.agent, l.kernel = claim(hello.AgentVersion), claim(hello.Kernel)
	return renewed
}

// finish ends the session s. One that was good and is to be renewed leaves the
// node as it is: the next attempt, which is made at once, decides. A session that
// ends so as soon as it has begun is no good.
func (n *node) finish(s *session, why error) {
	_, x := s.lock()
	over := (errors.Is(why, errAged) || errors.As(why, new(errUnproven))) && x.reported && !x.accused && time.Since(s.begun) >= n.m.timing.RetryMax
	x.over = over
	s.unlock()
	if over {
		n.m.log.Info("a session is renewed", "node", n.id, "why", why)
		return
	}
	s.old.Stop()
	n.end(why)
}

// renews reports whether the session is over and what was reported in it stands.
func (n *node) renews() bool {
	l := n.lock()
	defer n.unlock()
	return l.live != nil
}

// end leaves what the agent reported as what was last seen.
func (n *node) end(why error) {
	l := n.lock()
	ends := l.live != nil
	accuses := l.end(why)
	n.unlock()
	if accuses {
		n.logAccusation(why)
	}
	if ends {
		n.m.facts.forget()
		n.m.statusChanged()
	}
}

// end is the ledger's part of it, and reports whether the node is accused by it.
func (l *ledger) end(why error) (accuses bool) {
	ended := l.live
	l.live, l.links = nil, nil // facts of its NICs end with the session
	if ended != nil && why != nil {
		l.lacks(why)
	}
	if ended != nil && ended.guarded.accused {
		l.dropReported() // it may have reported more since
		return false
	}
	if accuses = errors.As(why, new(errExcess)); accuses {
		l.accuse(why)
	}
	return accuses
}

// outdated notes that the agent of a session has not reported in time: what it
// said is not known to be true any more.
func (n *node) outdated(s *session) {
	l := n.lock()
	stale := l.live == s && time.Since(l.lastReport) >= 2*n.m.timing.ReportEvery
	l.stale = l.stale || stale
	n.unlock()
	if stale {
		n.m.log.Warn("the agent does not report", "node", n.id, "for", 2*n.m.timing.ReportEvery)
		n.m.statusChanged()
	}
}

// silence says for how long the agent has not reported.
func (l *ledger) silence() string {
	if l.lastReport.IsZero() {
		return "its agent has not reported yet"
	}
	return fmt.Sprintf("its agent has not reported for %s", time.Since(l.lastReport).Round(time.Second))
}

// accuse drops what the node reported, and keeps why. A session that is live ends.
func (n *node) accuse(why error) {
	l := n.lock()
	live := l.live
	l.accuse(why)
	n.unlock()
	if live != nil {
		live.cancel(why)
	}
	n.logAccusation(why)
}

func (n *node) logAccusation(why error) {
	n.m.log.Error("a node reports what cannot be true", "node", n.id, "problem", why)
}

// accuse is the ledger's part of it. Until the session has ended, a report of
// changes alone stands for nothing.
func (l *ledger) accuse(why error) {
	if l.live != nil {
		x := &l.live.guarded
		l.reported, x.reported, x.accused = false, false, true
	}
	l.accused = accusation{why.Error(), time.Now()}
	l.dropReported()
}

// dropReported forgets what the node reported of routes.
func (l *ledger) dropReported() {
	l.exceptions, l.alarms = nil, nil
	l.carried, l.lastReport = routes.Version{}, time.Time{}
}

// know makes the node known in the store, once a session. Where the store
// takes no writes it is tried again with the next change; no removal can be
// stored meanwhile either.
func (s *session) know(ctx context.Context) {
	if s.knew {
		return
	}
	n := s.n
	l := n.lock()
	k, known := store.KnownNode{ID: n.id, Name: l.name, Since: time.Now()}, l.known
	n.unlock()
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
	l := n.lock()
	macs, sequence := l.macs, l.wiring.sequence // macs is replaced, never changed
	n.unlock()
	msg := n.m.ports.message(macs, n.m.override.Load())
	msg.Sequence = sequence
	return msg
}
