package table

import (
	"context"
	"errors"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// removal is an unwanted route that the kernel does not let go.
type removal struct {
	at    time.Time
	delay time.Duration
	key   routes.Key // empty where no desired route is known for it
	// absent says that the kernel has answered ESRCH: it does not know the
	// route under the name that we have for it. A reading reports whether it is gone.
	absent bool
}

// deleteExtras deletes the next chunk of unwanted routes of ours, exactly those:
// protocol, metric, gateway and link, or the object as the kernel has
// described it. It comes after all additions.
func (t *Table) deleteExtras(ctx context.Context) {
	t.deletable = false
	var batch []object
	now := t.now()
	waits := func(o object) bool {
		r, ok := t.removing[o]
		return ok && r.at.After(now)
	}
	for e, port := range t.extras {
		if o := (object{entry: e}); port == 0 && !t.authoritative || waits(o) || t.absent > 0 && t.stays(ctx, e) {
			continue
		}
		if len(batch) == chunk {
			t.deletable = true
			break
		}
		batch = append(batch, object{entry: e})
	}
	for o := range t.objects {
		if len(batch) >= chunk {
			t.deletable = true
			break
		}
		if t.authoritative && !waits(o) {
			batch = append(batch, o)
		}
	}
	if len(batch) == 0 {
		return
	}
	t.ops = t.ops[:0]
	for _, o := range batch {
		t.ops = append(t.ops, o.op())
	}
	t.apply(ctx)
	for k, r := range t.results {
		t.tookAway(batch[k], r)
	}
}

// tookAway notes what the kernel says to the deletion of an unwanted route.
func (t *Table) tookAway(o object, r kernel.Result) {
	var oe *kernel.OpError
	switch {
	case r.State == kernel.Done:
		if port, plain := t.extras[o.entry]; !plain || port == 0 {
			t.counters.Foreign++
		}
		t.deleted(o)
		t.unproven = t.unproven || !r.ReadBack
	case errors.As(r.Err, &oe) && oe.Errno == kernel.ESRCH:
		t.counters.Failures++
		t.notFound(o, r.Err)
	case r.State == kernel.Failed:
		t.counters.Failures++
		t.notDeleted(o, r.Err)
	default:
		t.notDeleted(o, errUnanswered)
		t.unproven = true
	}
}

// notFound: gone already, or never ours, or not known by that name. The table
// is read to see which; what it shows again after that is a failure.
func (t *Table) notFound(o object, err error) {
	t.unproven = true
	if !o.v4 && o.name == "" {
		t.others[o.entry] = struct{}{}
	}
	r := t.removing[o]
	if r.absent {
		t.notDeleted(o, err)
		return
	}
	r.absent, r.at, r.delay = true, t.now().Add(minRetry), minRetry
	t.removing[o] = r
	earlier(&t.retryAt, r.at)
}

// deleted notes that an unwanted route is gone. Should it be a slot's
// meanwhile, then that is lost as if another had taken it.
func (t *Table) deleted(o object) {
	t.dropObject(o)
	if o.name == "" && o.protocol == 0 {
		t.dropExtra(o.entry)
		t.noStandIn(o.entry)
		if i := t.findEntry(o.entry); i >= 0 && t.slots[i].link == o.link && o.link != 0 {
			t.read(i)
			t.slots[i].link = 0
			t.slots[i].set(flagLost)
			t.queue(i)
		}
	}
	if t.contested(o.dstKey) {
		t.queueChain(o.dstKey) // the kernel may have named it as the winner
	}
	t.noRemoval(o)
}

// noRemoval ends what was reported of a removal.
func (t *Table) noRemoval(o object) {
	if r, ok := t.removing[o]; ok {
		delete(t.removing, o)
		t.reportRemoval(r.key, Exception{State: routes.Programmed})
	}
}

// keep takes a route of ours out of those to delete: it is desired again.
func (t *Table) keep(e entry) {
	t.dropExtra(e)
	t.noStandIn(e)
	t.noRemoval(object{entry: e})
}

func (t *Table) notDeleted(o object, err error) {
	r := t.removing[o]
	r.key = t.keyOfRemoved(o)
	r.delay = min(max(2*r.delay, minRetry), maxRetry)
	r.at = t.now().Add(r.delay)
	t.removing[o] = r
	earlier(&t.retryAt, r.at)
	detail := err.Error()
	var oe *kernel.OpError
	if errors.As(err, &oe) {
		detail = words(oe)
	}
	t.reportRemoval(r.key, Exception{State: routes.Removing, Cause: routes.KernelRejected, Detail: detail})
}

// keyOfRemoved names an unwanted route that was desired; empty where none is known.
func (t *Table) keyOfRemoved(o object) routes.Key {
	if r := t.removing[o]; r.key != (routes.Key{}) {
		return r.key
	}
	if port := t.extras[o.entry]; port > 0 {
		return routes.Key{Destination: o.prefix(), NextHop: o.nextHop(o.hop), Interface: t.ports[port-1].folded}
	}
	return routes.Key{}
}

// errUnanswered is a change whose answer was lost.
var errUnanswered = errors.New("the kernel's answer was lost")
