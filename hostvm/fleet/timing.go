package fleet

import (
	"math/rand/v2"
	"time"
)

// Timing are the manager's durations. Zero fields take DefaultTiming's.
type Timing struct {
	// RetryMin is the first pause after a lost or refused session; each next
	// one is twice as long, with jitter, up to RetryMax, or RetryMaxAuto where
	// the inventory does not know when the node starts.
	RetryMin, RetryMax, RetryMaxAuto time.Duration
	// Connect bounds the dial with the TLS handshake, and then the HTTP/2 handshake.
	Connect time.Duration
	// Hello bounds the wait for the agent's hello.
	Hello time.Duration
	// KeepaliveTime is how long a connection is silent before a ping (gRPC
	// takes 10 s at least), KeepaliveTimeout how long the answer may take.
	// Their sum is how long a half-open connection goes unnoticed.
	KeepaliveTime, KeepaliveTimeout time.Duration
	// ReportEvery is how often an agent reports at least; what it said before is
	// STALE after twice that.
	ReportEvery time.Duration
	// SessionAge is how long a session lasts, less up to a quarter by chance:
	// a new one proves again who is at either end.
	SessionAge time.Duration
	// Answer bounds how long an agent may leave a change without a report, or
	// take no bytes, before the session is begun again.
	Answer time.Duration
	// Grace is how long Wait lets a node that carried out the revision, but
	// reports a route WAITING, make good.
	Grace time.Duration
	// ProveEvery is the shortest time between two writes of proofs.
	ProveEvery time.Duration
	// Explain bounds one node's answer to Explain.
	Explain time.Duration
	// Held bounds the answers to Losses, of all nodes together; callers wait 30 s.
	Held time.Duration
}

// DefaultTiming finds a half-open connection in 40 s.
func DefaultTiming() Timing {
	return Timing{
		RetryMin: 200 * time.Millisecond, RetryMax: 15 * time.Second, RetryMaxAuto: 5 * time.Second,
		Connect: 5 * time.Second, Hello: 10 * time.Second,
		KeepaliveTime: 30 * time.Second, KeepaliveTimeout: 10 * time.Second,
		ReportEvery: 10 * time.Second, SessionAge: 24 * time.Hour,
		Answer: 2 * time.Minute, Grace: time.Second, ProveEvery: 250 * time.Millisecond, Explain: 3 * time.Second, Held: 20 * time.Second,
	}
}

func (t Timing) withDefaults() Timing {
	d := DefaultTiming()
	for _, f := range []struct{ have, otherwise *time.Duration }{
		{&t.RetryMin, &d.RetryMin}, {&t.RetryMax, &d.RetryMax}, {&t.RetryMaxAuto, &d.RetryMaxAuto},
		{&t.Connect, &d.Connect}, {&t.Hello, &d.Hello},
		{&t.KeepaliveTime, &d.KeepaliveTime}, {&t.KeepaliveTimeout, &d.KeepaliveTimeout},
		{&t.ReportEvery, &d.ReportEvery}, {&t.SessionAge, &d.SessionAge}, {&t.Answer, &d.Answer}, {&t.Grace, &d.Grace}, {&t.ProveEvery, &d.ProveEvery}, {&t.Explain, &d.Explain}, {&t.Held, &d.Held},
	} {
		if *f.have == 0 {
			*f.have = *f.otherwise
		}
	}
	return t
}

// backoff spaces the attempts at a session. The zero value starts again.
type backoff struct{ last time.Duration }

// next is the pause before the next attempt: twice the last, up to limit,
// less up to a quarter by chance, so that nodes do not come in step.
func (b *backoff) next(first, limit time.Duration) time.Duration {
	b.last = min(max(2*b.last, first), limit)
	return b.last - rand.N(b.last/4+1)
}
