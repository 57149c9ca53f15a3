package table

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// Table reconciles the desired routes with a kernel. SetDesired, Apply,
// SetPolicy and Next may be called from any goroutine while Run runs.
type Table struct {
	kernel kernel.Kernel
	opts   Options

	wakeup chan struct{}
	outbox chan struct{}
	mu     sync.Mutex // guards inbox and out
	inbox  []request
	out    pending

	// The rest belongs to Run.
	model
	authoritative bool // a complete set was given
	known         bool // the kernel was read since the start
	override      bool
	target        uint64 // generation of the latest request taken
	urgent, due   []int32
	arranged      bool // due, but for what was queued since
	// deletable tells that extras may be there that have not been tried.
	deletable bool
	// readdressed: addresses or connected networks of a NIC of ours may have
	// changed since the links were read, and changed back. hopsDue: the next
	// hops are to be checked; refusedHops are those that the kernel would not
	// take when they were.
	readdressed, hopsDue bool
	refusedHops          map[nextHop]Exception
	// unproven tells of deletions that the kernel has acknowledged without
	// describing what went: for IPv6, a device route's may have taken a route
	// with a gateway instead.
	unproven bool
	// blocked are slots whose key is held by a route that is yet to be named;
	// unchecked those about to be appended to a key of ours, unclear those of
	// them for which only a survey tells.
	blocked, unchecked, unclear []int32
	foreign                     map[dstKey][]kernel.Route
	excs                        map[int32]Exception
	retries                     map[int32]retry
	fights                      map[int32]fight
	losses                      losses
	removing                    map[object]removal
	standIns                    map[int32]standIn
	// left and fresh are the routes that the request under way takes out and adds.
	left  []parted
	fresh []int32
	// doubts are IPv6 next hops of which it is open who wrote them, others those
	// that a deletion has shown not to be ours.
	doubts []kernel.Route
	others map[entry]struct{}
	former []uint8 // see Options.Former; nil once none is left

	rules ruleset
	// The paces of complete comparisons, of readings of the links, and of judging
	// again the routes that rules concern, which is what their look-ups take.
	reads, linkReads, judging pace

	// missed: notifications were lost since everything was read.
	missed    bool
	events    <-chan kernel.Event
	unwatch   context.CancelFunc
	watchWait time.Duration
	// The times at which work is due; zero for none.
	watchAt, linksAt, othersAt, surveyAt, resyncAt, periodicAt, retryAt time.Time
	rulesAt, judgeAt                                                    time.Time
	linksKnown                                                          bool
	counters                                                            Counters
	applied                                                             uint64 // generation carried out
	absent                                                              int    // desired routes that are not in the kernel
	nics                                                                []NIC
	links                                                               []kernel.Link
	dirty                                                               bool // there is something to report
	ops                                                                 []kernel.Op
	which                                                               []int32
	results                                                             []kernel.Result
	ready                                                               chan struct{} // always ready
}

// New returns a Table over k. Run must be called once.
func New(k kernel.Kernel, opts Options) *Table {
	t := &Table{
		kernel: k, opts: opts.withDefaults(), model: newModel(), override: opts.OverrideOnLink,
		wakeup: make(chan struct{}, 1), outbox: make(chan struct{}, 1), ready: make(chan struct{}),
		foreign: make(map[dstKey][]kernel.Route), excs: make(map[int32]Exception),
		retries: make(map[int32]retry), fights: make(map[int32]fight), removing: make(map[object]removal), standIns: make(map[int32]standIn),
		others: make(map[entry]struct{}), former: opts.Former,
		reads: pace{most: maxPace}, linkReads: pace{most: maxPace, ahead: maxPace}, judging: pace{least: maxPace},
	}
	t.out.changed = make(map[routes.Key]Exception)
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

// step does the next piece of work and tells whether more is waiting.
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
		t.settle()
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
		t.settle()
		return false
	}
	return true
}

// hurries tells that writing comes before a comparison: routes that are known
// to be missing are due. The comparison does not wait for ever.
func (t *Table) hurries(now time.Time) bool {
	return t.absent > 0 && len(t.urgent)+len(t.due) > 0 && now.Sub(t.resyncAt) < maxPace
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// wanted tells that there is a desired set, or at least a desired route.
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

// watch opens the subscription, before anything is read: what happens in
// between is told twice rather than never.
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
