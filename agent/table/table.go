package table

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// Table reconciles the desired routes with a kernel. SetDesired, Apply,
// SetPolicy and Next may be called from any goroutine while Run runs.
//
// Linux has traps for a program that takes an acknowledgement, a list or silence
// for the truth. What answers each:
//
//   - IPv4 routes go with their address, or with their link, without a word: an
//     event of either has our routes listed (takeEvent).
//   - A route stays when the network of its next hop goes: the kernel is asked
//     whether it would still take the next hop (checkHops).
//   - IPv6 routes of several writers with one key are listed under the protocol of
//     the oldest: they are read as Joined, and 64 look-ups separate them
//     (sawJoined, clarify).
//   - An IPv6 list that is taken while routes change lacks some, and does not say
//     so: what is missing is looked up, or listed again, before it counts as gone
//     (confirm).
//   - Notifications that come too fast are dropped: a new subscription, then a
//     survey (resubscribe).
//   - EEXIST does not say whose the route is: it is looked up, and never adopted
//     (blocked, resolve).
//   - To append joins our next hop to whatever has the key, also to a foreign route:
//     the key is looked up before (unchecked, check).
//   - Others' NLM_F_REPLACE names what came and not what went: ours with that key
//     count as lost, and for IPv4 a survey shows which one it was (replaced).
//   - An answer may be lost, and a long batch is not described: such a write counts
//     once it has been read back (written, unread).
//   - ESRCH does not prove that nothing is there: a reading does (notFound).
//   - To delete an IPv6 route without a gateway may delete another: where the kernel
//     has not described what went, a reading follows (unproven).
type Table struct {
	door
	// The rest belongs to Run.
	model
	goal
	work
	belief
	trouble
	clock
	paces
	reported
	scratch
}

// New returns a Table over k. Run must be called once.
func New(k kernel.Kernel, opts Options) *Table {
	t := &Table{
		door: door{
			kernel: k, opts: opts.withDefaults(), out: pending{changed: make(map[routes.Key]Exception)},
			wakeup: make(chan struct{}, 1), outbox: make(chan struct{}, 1), ready: make(chan struct{}),
		},
		goal: goal{override: opts.OverrideOnLink, former: opts.Former}, model: newModel(),
		belief:  belief{foreign: make(map[dstKey][]kernel.Route), others: make(map[entry]struct{})},
		trouble: newTrouble(), paces: newPaces(),
	}
	close(t.ready)
	return t
}

func (t *Table) now() time.Time { return time.Now() }

// Run reconciles until ctx ends, and returns its error.
func (t *Table) Run(ctx context.Context) error {
	t.watchAt = t.now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer t.stopWatch()
	defer t.logLosses()
	for {
		busy := t.step(ctx)
		t.publish()
		timer.Reset(t.untilDue())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-t.events:
			t.takeEvents(e, ok)
		case <-t.idle(busy, t.wakeup):
			t.takeRequests()
		case <-t.idle(!busy, t.ready):
		case <-timer.C:
		}
	}
}

// idle is c, or where the table is otherwise occupied a channel never ready.
func (t *Table) idle(occupied bool, c chan struct{}) <-chan struct{} {
	if occupied {
		return nil
	}
	return c
}

// step does the next piece of work and reports whether more is waiting.
func (t *Table) step(ctx context.Context) (busy bool) {
	now := t.now()
	if due(t.watchAt, now) {
		t.watch(ctx)
	}
	if t.events == nil {
		return false // nothing is read or written unwatched
	}
	if due(t.linksAt, now) || due(t.othersDue(), now) {
		t.refreshLinks(ctx)
	}
	if due(t.rulesAt, now) {
		t.readRules(ctx)
	}
	if due(t.judgeAt, now) {
		t.judgeAgain(now)
	}
	if due(t.retryAt, now) {
		t.retry(now)
	}
	if due(t.periodicAt, now) {
		t.periodic(now)
	}
	if !t.wanted() {
		t.noteApplied()
		return false // nothing to compare with
	}
	if !t.linksKnown || !t.known && !due(t.surveyAt, now) {
		return false // the facts could not be read; their retry is timed
	}
	switch {
	case due(t.surveyAt, now):
		t.survey(ctx)
	case due(t.resyncAt, now) && !t.hurries(now):
		t.resync(ctx)
	case len(t.doubts) > 0:
		t.clarify(ctx)
	case len(t.urgent)+len(t.due) > 0:
		t.program(ctx)
	case len(t.unclear)+len(t.blocked)+t.unread > 0 && !t.surveyAt.IsZero():
		return false // all of them wait for the survey
	case len(t.unchecked) > 0:
		t.check(ctx)
	case len(t.blocked) > 0:
		t.resolve(ctx)
	case t.unread > 0:
		t.surveyAt = now
	case t.hopsDue:
		t.checkHops(ctx)
	case t.deletable:
		t.deleteExtras(ctx)
	case t.unproven && t.resyncAt.IsZero():
		t.resyncAt = now
	case t.unproven:
		return false // its retry is timed
	default:
		t.noteApplied()
		return false
	}
	return true
}

// hurries says that writing comes before a comparison: routes that are known
// to be missing are due. The comparison does not wait for ever.
func (t *Table) hurries(now time.Time) bool {
	return t.absent > 0 && len(t.urgent)+len(t.due) > 0 && now.Sub(t.resyncAt) < maxPace
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// wanted says that there is a desired set, or at least a desired route.
func (t *Table) wanted() bool { return t.used > 0 || t.authoritative }

// untilDue is the time until the earliest timed work that step would do: what
// waits for something else, though due, does not count.
func (t *Table) untilDue() time.Duration {
	times := []time.Time{t.watchAt, t.losses.at}
	if t.events != nil {
		times = append(times, t.linksAt, t.othersDue(), t.periodicAt, t.retryAt, t.rulesAt, t.judgeAt)
		if t.wanted() && t.linksKnown {
			times = append(times, t.surveyAt)
			if t.known {
				times = append(times, t.resyncAt)
			}
		}
	}
	var first time.Time
	for _, at := range times {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() {
		return time.Hour
	}
	return max(0, time.Until(first))
}

// earlier sets *at to when, if that is sooner.
func earlier(at *time.Time, when time.Time) {
	if at.IsZero() || when.Before(*at) {
		*at = when
	}
}

// queue marks a slot as due.
func (t *Table) queue(i int32) {
	if s := &t.slots[i]; s.has(flagUsed) && !s.has(flagQueued) {
		s.set(flagQueued)
		t.due = append(t.due, i)
	}
}

// queueUrgent marks a slot as due before all others.
func (t *Table) queueUrgent(i int32) {
	t.slots[i].set(flagQueued)
	t.urgent = append(t.urgent, i)
}

func (t *Table) queueAll() {
	for i := range t.slots {
		t.queue(int32(i))
	}
}

// queueChain marks all routes to a destination as due.
func (t *Table) queueChain(d dstKey) {
	for i := t.first(d); i >= 0; i = t.slots[i].next {
		t.queue(i)
	}
}

// periodic compares everything, and tries again what waits or failed.
func (t *Table) periodic(now time.Time) {
	jitter := 0.9 + 0.2*rand.Float64()
	interval := max(t.opts.ResyncInterval, min(restFactor*t.reads.took, maxStretch*t.opts.ResyncInterval))
	t.periodicAt = now.Add(time.Duration(jitter * float64(interval)))
	for i := range t.excs {
		t.queue(i)
	}
	t.deletable = len(t.extras)+len(t.objects) > 0
	t.watchWait = 0
	t.linksAt, t.rulesAt = now, now
	if t.rules.any() {
		t.judgeAt = now
	}
	t.pruneFights(now)
	if len(t.foreign) > 0 {
		earlier(&t.surveyAt, now) // what is believed of others' routes ages too
		return
	}
	earlier(&t.resyncAt, now)
}

// watch opens the subscription before anything is read: what happens in between
// is seen twice rather than never.
func (t *Table) watch(ctx context.Context) {
	t.stopWatch()
	t.watchAt = time.Time{}
	ctx, cancel := context.WithCancel(ctx)
	events, err := t.kernel.Watch(ctx)
	now := t.now()
	if err != nil {
		cancel()
		t.watchWait = min(max(2*t.watchWait, 100*time.Millisecond), 10*time.Second)
		t.watchAt = now.Add(t.watchWait)
		t.opts.Log.Error("subscribe to kernel changes", "error", err, "retry", t.watchWait)
		t.linksUnread(now, true)
		return
	}
	t.events, t.unwatch = events, cancel
	t.linksAt, t.surveyAt, t.rulesAt, t.linksKnown, t.readdressed = now, now, now, false, true
	if t.periodicAt.IsZero() {
		t.periodicAt = now.Add(t.opts.ResyncInterval)
	}
}

func (t *Table) stopWatch() {
	if t.unwatch != nil {
		t.unwatch()
	}
	t.events, t.unwatch = nil, nil
}
