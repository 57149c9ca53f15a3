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
}

// deleteExtras deletes the next chunk of unwanted routes of ours, exactly those:
// protocol, metric, gateway and link. It comes after all additions.
func (t *Table) deleteExtras(ctx context.Context) {
	t.deletable = false
	t.ops = t.ops[:0]
	now := t.now()
	for e, port := range t.extras {
		if port == 0 && !t.authoritative {
			continue
		}
		if r, ok := t.removing[e]; ok && r.at.After(now) {
			continue
		}
		if len(t.ops) == chunk {
			t.deletable = true
			break
		}
		t.ops = append(t.ops, kernel.Op{Kind: kernel.Delete, Entry: e.unpack()})
	}
	if len(t.ops) == 0 {
		return
	}
	t.apply(ctx)
	for k, r := range t.results {
		e := pack(t.ops[k].Entry)
		var oe *kernel.OpError
		switch {
		case r.State == kernel.Done:
			if t.extras[e] == 0 {
				t.counters.Foreign++
			}
			t.deleted(e)
			t.unproven = t.unproven || !r.ReadBack
		case errors.As(r.Err, &oe) && oe.Errno == kernel.ESRCH:
			t.counters.Failures++
			t.deleted(e) // gone already
		case r.State == kernel.Failed:
			t.counters.Failures++
			t.notDeleted(e, r.Err)
		default:
			t.notDeleted(e, errUnanswered)
			t.unproven = true
		}
	}
}

func (t *Table) deleted(e entry) {
	t.dropExtra(e)
	if r, ok := t.removing[e]; ok {
		delete(t.removing, e)
		t.reportRemoval(r.key, Exception{State: routes.Programmed})
	}
}

func (t *Table) notDeleted(e entry, err error) {
	r := t.removing[e]
	if port := t.extras[e]; port > 0 && r.key == (routes.Key{}) {
		r.key = routes.Key{Destination: e.prefix(), NextHop: e.nextHop(e.hop), Interface: t.ports[port-1].folded}
	}
	r.delay = min(max(2*r.delay, minRetry), maxRetry)
	r.at = t.now().Add(r.delay)
	t.removing[e] = r
	earlier(&t.retryAt, r.at)
	detail := err.Error()
	var oe *kernel.OpError
	if errors.As(err, &oe) {
		detail = words(oe)
	}
	t.reportRemoval(r.key, Exception{State: routes.Removing, Cause: routes.KernelRejected, Detail: detail})
}

// errUnanswered is a change whose answer was lost.
var errUnanswered = errors.New("the kernel's answer was lost")
