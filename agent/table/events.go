package table

import (
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
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
	t.missed = true
	t.dirty = true
	t.watchAt = t.reads.next(t.now())
	if !open {
		t.watchWait = min(max(2*t.watchWait, minWatchWait), maxWatchWait)
		t.watchAt = t.now().Add(t.watchWait)
	}
	t.opts.Log.Warn("kernel notifications were lost; reading everything again")
}

func (t *Table) takeEvent(e kernel.Event) {
	switch e.Kind {
	case kernel.RuleChanged:
		t.rulesAt = t.now()
	case kernel.OtherTable:
		t.needJudging()
	case kernel.LinkChanged, kernel.AddressChanged, kernel.ConfigChanged:
		t.needJudging()
		if t.concerns(e) {
			t.readdressed = t.readdressed || e.Kind == kernel.AddressChanged
			t.needLinks()
			t.needResync() // IPv4 routes go without a word
			return
		}
		if e.Kind != kernel.ConfigChanged {
			t.needOthers()
		}
		if e.Kind == kernel.LinkChanged && t.lacksNIC() {
			t.needLinks() // it may be known by its permanent MAC, or by what it belongs to
		}
		if t.foreignOn(e.Link) || e.Link < 0 && len(t.foreign) > 0 { // a setting of all links
			t.needSurvey()
		}
	case kernel.NextHopChanged:
		t.needResync()
	case kernel.RouteAdded:
		t.routeAdded(e)
	case kernel.RouteDeleted:
		t.routeDeleted(e)
	}
}

// foreignOn reports whether a foreign route that matters uses the link.
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

// routeAdded takes a route that others have added or altered.
func (t *Table) routeAdded(e kernel.Event) {
	t.connected(e)
	d := packDst(e.Route.Destination)
	if e.Replaced && e.Route.Leg == 0 {
		if t.first(d) >= 0 {
			t.dropForeign(d, func(r kernel.Route) bool { return r.Metric == e.Route.Metric })
		}
		t.replaced(e)
	}
	t.saw(e.Route)
	if e.Route.Protocol != t.kernel.Protocol() {
		t.queueChain(d)
	}
}

// routeDeleted takes a route that others, or the kernel, have deleted. What an
// IPv6 message names is gone, whoever wrote it.
func (t *Table) routeDeleted(e kernel.Event) {
	t.connected(e)
	r, p := e.Route, pack(e.Route.FIBEntry)
	own := r.Protocol == t.kernel.Protocol()
	delete(t.others, p)
	vanished := func(o object) {
		t.dropObject(o)
		t.noRemoval(o)
	}
	switch i := t.findEntry(p); {
	case r.Object != "":
		vanished(objectOf(r))
	case !own && p.v4:
		vanished(object{entry: p, protocol: r.Protocol})
	case i >= 0 && t.slots[i].link == p.link:
		t.lost(i, e)
	default:
		if i >= 0 && own && e.Port != 0 && t.slots[i].has(flagLost) {
			t.taken(i, e) // a comparison was faster
		}
		t.dropExtra(p)
		t.noStandIn(p)
		vanished(object{entry: p})
		vanished(object{entry: p, protocol: r.Protocol})
	}
	if t.first(p.dstKey) >= 0 && (!own || r.Joined) {
		t.dropForeign(p.dstKey, func(o kernel.Route) bool { return sameRoute(o, r) })
	}
	t.queueChain(p.dstKey) // who wins may have changed
}

// connected has the links read again when a connected network came or went: a
// route without gateway that is not ours, whoever wrote it, or what took the place
// of one.
func (t *Table) connected(e kernel.Event) {
	r := e.Route
	if r.Protocol == t.kernel.Protocol() || r.Link == 0 {
		return
	}
	if !t.concerns(kernel.Event{Link: r.Link}) {
		if r.NextHop.IsUnspecified() {
			t.needOthers()
		}
		return
	}
	same := func(c routes.ConnectedRoute) bool { return c.Prefix == r.Destination }
	if r.NextHop.IsUnspecified() ||
		e.Replaced && slices.ContainsFunc(t.ports, func(p port) bool { return slices.ContainsFunc(p.nic.Connected, same) }) {
		t.readdressed = true
		t.needLinks()
	}
}

// replaced handles NLM_F_REPLACE by another: our routes with that kernel key,
// except for a slot's own that took the place, are taken for gone. If one is
// there all the same, adding it again finds that out.
func (t *Table) replaced(e kernel.Event) {
	p := pack(e.Route.FIBEntry)
	except := int32(-1)
	if e.Route.Protocol == t.kernel.Protocol() && e.Route.Plain() {
		except = t.findEntry(p)
	}
	for i := t.first(p.dstKey); i >= 0; i = t.slots[i].next {
		if s := &t.slots[i]; i != except && s.link != 0 && uint32(s.metric) == p.metric {
			t.lost(i, e)
			t.slots[i].clear(flagTried)
		}
	}
	if p.v4 && t.first(p.dstKey) >= 0 {
		t.needSurvey() // IPv4 replaces one of several with one key
	}
}

// taken notes who took a route away.
func (t *Table) taken(i int32, e kernel.Event) {
	t.noteLoss(i, netlinkPort(e.Port))
	t.fight(i, e)
}

// lost repairs a route that is gone, unless two managers are fighting for it.
func (t *Table) lost(i int32, e kernel.Event) {
	s := &t.slots[i]
	t.read(i)
	s.link = 0
	s.clear(flagTaken)
	s.set(flagLost)
	if e.Port != 0 {
		t.taken(i, e)
	}
	t.queueUrgent(i)
}
