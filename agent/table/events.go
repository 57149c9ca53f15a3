package table

import (
	"github.com/hcsroute/hcsroute/agent/kernel"
)

// takeEvents takes an event and those that wait behind it.
func (t *Table) takeEvents(e kernel.Event, ok bool) {
	for n := len(t.events); ; n-- {
		if !ok || e.Kind == kernel.Overrun {
			t.resubscribe(ok)
			return
		}
		t.takeEvent(e)
		if n == 0 {
			return
		}
		e, ok = <-t.events
	}
}

// resubscribe starts over after lost notifications: a new subscription, then a
// survey. A subscription that ends at once again and again is slowed down.
func (t *Table) resubscribe(open bool) {
	t.stopWatch()
	t.counters.Overruns++
	t.dirty = true
	t.watchAt = latest(t.now(), t.readUntil)
	if !open {
		t.watchWait = min(max(2*t.watchWait, minWatchWait), maxWatchWait)
		t.watchAt = t.now().Add(t.watchWait)
	}
	t.opts.Log.Warn("kernel notifications were lost; reading everything again")
}

func (t *Table) takeEvent(e kernel.Event) {
	switch e.Kind {
	case kernel.LinkChanged, kernel.AddressChanged:
		if t.concerns(e) {
			t.linksAt = t.now()
			t.needResync() // IPv4 routes go without a word
		} else if t.foreignOn(e.Link) {
			t.needSurvey()
		}
	case kernel.NextHopChanged:
		t.needResync()
	case kernel.RouteDeleted, kernel.RouteAdded:
		if e.Route.Protocol == t.kernel.Protocol() {
			t.ownEvent(e)
		} else {
			t.foreignEvent(e)
		}
	}
}

// foreignOn tells whether a foreign route that matters uses the link.
func (t *Table) foreignOn(link int32) bool {
	for _, list := range t.foreign {
		for _, r := range list {
			if r.Link == link {
				return true
			}
		}
	}
	return false
}

// ownEvent is a change of a route of ours by others, or by the kernel.
func (t *Table) ownEvent(e kernel.Event) {
	p := pack(e.Route.FIBEntry)
	i := t.findEntry(p)
	switch {
	case e.Kind == kernel.RouteDeleted && i >= 0 && t.slots[i].link == p.link:
		t.lost(i, e)
	case e.Kind == kernel.RouteDeleted:
		t.dropExtra(p)
		delete(t.masked, p)
	default:
		if e.Replaced {
			t.replaced(e, i)
		}
		t.sawOwn(p, 0)
	}
}

// foreignEvent is a change of another manager's route.
func (t *Table) foreignEvent(e kernel.Event) {
	if e.Route.Protocol == kernel.ProtocolKernel && t.concerns(kernel.Event{Link: e.Route.Link}) {
		t.linksAt = t.now() // a connected network came or went
	}
	d := packDst(e.Route.Destination)
	if t.first(d) < 0 {
		return
	}
	if e.Kind == kernel.RouteDeleted {
		delete(t.masked, pack(e.Route.FIBEntry))
		t.dropForeign(d, func(r kernel.Route) bool { return r.FIBEntry == e.Route.FIBEntry })
		t.queueChain(d)
		return
	}
	if e.Replaced {
		t.dropForeign(d, func(r kernel.Route) bool { return r.Metric == e.Route.Metric })
		t.replaced(e, -1)
	}
	t.addForeign(e.Route)
	t.queueChain(d)
}

// replaced handles NLM_F_REPLACE by another: our routes with that kernel key,
// but for the slot that took the place, are taken for gone. If one is there
// all the same, adding it again finds that out.
func (t *Table) replaced(e kernel.Event, except int32) {
	p := pack(e.Route.FIBEntry)
	for i := t.first(p.dstKey); i >= 0; i = t.slots[i].next {
		if s := &t.slots[i]; i != except && s.link != 0 && uint32(s.metric) == p.metric {
			t.lost(i, e)
			t.slots[i].clear(flagTried)
		}
	}
}

// lost repairs a route that is gone, unless two managers are fighting for it.
func (t *Table) lost(i int32, e kernel.Event) {
	s := &t.slots[i]
	t.read(i)
	s.link = 0
	s.set(flagLost)
	if e.Port != 0 {
		t.fight(i, e)
	}
	t.queueUrgent(i)
}
