package table

import (
	"context"
	"errors"
	"net/netip"
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
	var batch []entry
	now := t.now()
	for e, port := range t.extras {
		if port == 0 && !t.authoritative {
			continue
		}
		if r, ok := t.removing[e]; ok && r.at.After(now) {
			continue
		}
		if len(batch) == chunk {
			t.deletable = true
			break
		}
		batch = append(batch, e)
	}
	if len(batch) > 0 {
		t.deleteEntries(ctx, batch)
	}
}

// deleteEntries deletes routes of ours and notes what the kernel says.
func (t *Table) deleteEntries(ctx context.Context, batch []entry) {
	t.ops = t.ops[:0]
	for _, e := range batch {
		t.ops = append(t.ops, kernel.Op{Kind: kernel.Delete, Entry: e.unpack()})
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
			t.deleted(e) // gone already, or never ours
			if !e.v4 {
				t.unmask(ctx, e)
			}
		case r.State == kernel.Failed:
			t.counters.Failures++
			t.notDeleted(e, r.Err)
		default:
			t.notDeleted(e, errUnanswered)
			t.unproven = true
		}
	}
}

// unmask tells a route that has gone already from another manager's IPv6 next
// hop: joined to a route of ours, the kernel shows it with our protocol, but
// does not delete it as ours.
func (t *Table) unmask(ctx context.Context, e entry) {
	got, err := t.kernel.Match(ctx, []netip.Addr{e.address(e.addr)})
	if err != nil {
		t.opts.Log.Error("look up route", "error", err)
		return
	}
	for _, r := range got[0] {
		if pack(r.FIBEntry) == e && r.Table == kernel.TableMain {
			t.masked[e] = struct{}{}
			r.Protocol = 0 // unknown
			t.addForeign(r)
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
