package table

import (
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

const (
	minWatchWait = 10 * time.Millisecond
	maxWatchWait = 10 * time.Second
)

// fight counts the losses of one route to other managers.
type fight struct {
	since   time.Time // first loss of the window
	until   time.Time // no repair before
	losses  int
	delay   time.Duration
	message string
}

// retry is when a refused route is tried again.
type retry struct {
	at    time.Time
	delay time.Duration
}

// fight notes a loss. From the limit on, repairs are delayed longer and longer
// and an alarm names the other.
func (t *Table) fight(i int32, e kernel.Event) {
	now := t.now()
	f := t.fights[i]
	if now.Sub(f.since) > t.opts.FightWindow+2*f.delay {
		f = fight{since: now}
	}
	f.losses++
	if f.losses > t.opts.FightRepairs {
		f.delay = min(max(2*f.delay, minRetry), maxRetry)
		f.until = now.Add(f.delay)
		f.message = fmt.Sprintf("taken away %d times since %s by %s; %s",
			f.losses, f.since.UTC().Format(time.RFC3339), netlinkPort(e.Port), t.byWhom(i, e))
		t.dirty = true
		t.noteFight(i, f)
	}
	t.fights[i] = f
}

// byWhom names what the other has put in the route's place, if anything.
func (t *Table) byWhom(i int32, e kernel.Event) string {
	if e.Kind == kernel.RouteAdded {
		return "replaced by " + t.describe(e.Route)
	}
	if others := t.foreign[t.slots[i].key()]; len(others) > 0 {
		return "deleted; to this destination it has " + t.describe(others[0])
	}
	return "deleted"
}

// pruneFights forgets fights that are over.
func (t *Table) pruneFights(now time.Time) {
	for i, f := range t.fights {
		if now.Sub(latest(f.since, f.until)) > t.opts.FightWindow+2*f.delay {
			delete(t.fights, i)
			t.dirty = t.dirty || f.delay > 0
		}
	}
}

// backOff tries a route again, each time later.
func (t *Table) backOff(i int32) {
	t.retryIn(i, min(max(2*t.retries[i].delay, minRetry), maxRetry))
}

func (t *Table) retryIn(i int32, delay time.Duration) {
	at := t.now().Add(delay)
	t.retries[i] = retry{at: at, delay: delay}
	earlier(&t.retryAt, at)
}

// retry queues what is due for another attempt.
func (t *Table) retry(now time.Time) {
	t.retryAt = time.Time{}
	for i, r := range t.retries {
		if r.at.After(now) {
			earlier(&t.retryAt, r.at)
			continue
		}
		if r.at.IsZero() {
			continue // under way
		}
		t.retries[i] = retry{delay: r.delay}
		t.slots[i].clear(flagTried)
		t.queue(i)
	}
	for _, r := range t.removing {
		if r.at.After(now) {
			earlier(&t.retryAt, r.at)
			continue
		}
		t.deletable = true
	}
}

// forget drops what is remembered of a slot besides its route.
func (t *Table) forget(i int32) {
	delete(t.retries, i)
	delete(t.standIns, i)
	delete(t.leaving, i)
	if f, ok := t.fights[i]; ok {
		delete(t.fights, i)
		t.dirty = t.dirty || f.delay > 0
	}
}
