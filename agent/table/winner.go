package table

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// verdict is the kernel's answer for an address of a destination.
type verdict struct {
	asked netip.Addr     // invalid where the kernel was not asked, or answered for a part only
	legs  []kernel.Route // next hops of the route in use; none where there is no way
}

// judge says of the destinations of touched routes who wins. Where nobody else
// is in play, our metrics decide; else the kernel is asked.
func (t *Table) judge(ctx context.Context, touched []int32) {
	var ask []dstKey
	var seen map[dstKey]struct{}
	for _, i := range touched {
		s := &t.slots[i]
		if !s.has(flagUsed) || s.has(flagUnread) {
			continue
		}
		d := s.key()
		if !t.contested(d) {
			t.conditions(d, verdict{})
			continue
		}
		if seen == nil {
			seen = make(map[dstKey]struct{})
		}
		if _, twice := seen[d]; !twice {
			seen[d] = struct{}{}
			ask = append(ask, d)
		}
	}
	if len(ask) == 0 {
		return
	}
	start := t.now()
	for k, v := range t.ask(ctx, ask) {
		t.conditions(ask[k], v)
	}
	t.judging.add(t.now().Sub(start))
}

// contested says that others may take packets to a destination.
func (t *Table) contested(d dstKey) bool {
	return len(t.foreign) > 0 && len(t.foreign[d]) > 0 || t.rules.concern(d)
}

// maxProbes is how many addresses of one destination are asked for.
const maxProbes = 8

// ask asks the kernel which route an address of each destination takes. An
// address that a more specific route takes says nothing of the destination as
// a whole, so another one is tried.
func (t *Table) ask(ctx context.Context, all []dstKey) []verdict {
	verdicts := make([]verdict, len(all))
	open, addrs := make([]int, len(all)), make([]netip.Addr, len(all))
	for k, d := range all {
		open[k], addrs[k] = k, d.probe(0)
	}
	for round := 1; len(open) > 0; round++ {
		batch := make([]netip.Addr, len(open))
		for n, k := range open {
			batch[n] = addrs[k]
		}
		got, err := t.kernel.Match(ctx, batch)
		if err != nil {
			t.opts.Log.Error("look up routes", "error", err, "retry", factsRetry)
			at := t.now().Add(factsRetry)
			earlier(&t.judgeAt, at)
			earlier(&t.surveyAt, at) // it has those asked for again that foreign routes concern
			return verdicts
		}
		rest := open[:0]
		for n, k := range open {
			d, legs := all[k], got[n]
			part := len(legs) > 0 && legs[0].Destination.Bits() > int(d.bits)
			whole := len(legs) > 0 && legs[0].Destination.IsValid() && !part
			switch {
			case whole, round == maxProbes && !part:
				verdicts[k] = verdict{addrs[k], legs}
			case round < maxProbes:
				addrs[k] = d.probe(round)
				if next := last(legs).Next(); next.IsValid() && d.prefix().Contains(next) {
					addrs[k] = next
				}
				rest = append(rest, k)
			}
		}
		open = rest
	}
	return verdicts
}

// probe is one of maxProbes addresses that are spread over a destination. Its
// first address is not one of them where there are others: a directly
// connected network's is the kernel's own.
func (d dstKey) probe(n int) netip.Addr {
	a, bit := d.addr, int(d.bits)
	if d.v4 {
		bit += 128 - 32
	}
	for k := range 3 {
		if n&(1<<k) != 0 && bit+k < 128 {
			a[(bit+k)/8] |= 0x80 >> ((bit + k) % 8)
		}
	}
	if bit < 127 {
		a[15] |= 1
	}
	return d.address(a)
}

// last is the last address of a looked-up route's destination, if it has one.
func last(legs []kernel.Route) netip.Addr {
	if len(legs) == 0 || !legs[0].Destination.IsValid() {
		return netip.Addr{}
	}
	p := legs[0].Destination
	a := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(a); bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(a)
	return addr
}

// conditions says of a destination's routes in the kernel what they are worth.
func (t *Table) conditions(d dstKey, v verdict) {
	w := t.weigh(d, v)
	for i := t.first(d); i >= 0; i = t.slots[i].next {
		s := &t.slots[i]
		if s.link == 0 || s.has(flagUnread) {
			continue
		}
		e := t.unusable(s)
		switch {
		case e.State != "":
		case w.foreign != "":
			e = Exception{State: routes.Programmed, Condition: routes.Shadowed, Detail: w.foreign}
		case w.own != i && w.own >= 0:
			e = Exception{State: routes.Programmed, Condition: routes.Standby, Detail: fmt.Sprintf("our route with metric %d wins", w.metric)}
		case w.beside != "":
			e = Exception{State: routes.Programmed, Condition: routes.Shared, Detail: w.beside}
		default:
			e = Exception{State: routes.Programmed}
		}
		t.setException(i, e)
	}
}

// unusable says why the kernel does not use a route that it has.
func (t *Table) unusable(s *slot) Exception {
	nic := &t.ports[s.port].nic
	switch {
	case s.has(flagDown):
		return markedDown(nic)
	case s.has(flagRejected):
		return Exception{State: routes.Failed, Cause: routes.OffloadFailed, Detail: "in the kernel, which marks it offload_failed: the device below did not take it"}
	}
	if refusal, refused := t.refusedHops[nextHop{s.port, s.hop}]; refused {
		refusal.Detail = "in the kernel, which would refuse it now: " + refusal.Detail
		return refusal
	}
	return Exception{}
}

// markedDown is the status of a route that the kernel marks dead or linkdown.
// The mark and the link are read at different times; where they do not agree,
// one of them is about to be read again.
func markedDown(nic *NIC) Exception {
	e := Exception{State: routes.Waiting, Cause: routes.LinkDown}
	switch {
	case !nic.Up:
		e.Detail = "in the kernel, which marks it linkdown: " + nic.Name + " is down"
	case !nic.Lower:
		e.Detail = "in the kernel, which marks it linkdown: " + nic.Name + " has no carrier"
	default:
		e.Cause, e.Detail = routes.InProgress, "in the kernel, which marked it linkdown; "+nic.Name+" is up now"
	}
	return e
}

// winner is whose route a destination's packets take.
type winner struct {
	own     int32  // the slot of ours, -1 for none
	metric  uint16 // of own, or of what stands in for it
	foreign string // what wins over all of ours; empty for nothing
	beside  string // what takes a part of the packets; empty for nothing
}

func (t *Table) weigh(d dstKey, v verdict) winner {
	w := winner{own: -1}
	if !v.asked.IsValid() {
		return t.byMetric(d)
	}
	var others []kernel.Route
	for _, r := range v.legs {
		if i := t.heldSlot(d, r); i >= 0 {
			w.own, w.metric = i, t.slots[i].metric
		} else if r.Protocol != t.kernel.Protocol() || r.Joined || r.Table != kernel.TableMain {
			others = append(others, r)
		}
	}
	slices.SortFunc(others, func(a, b kernel.Route) int { return a.Compare(b.FIBEntry) })
	switch {
	case w.own >= 0 && len(others) > 0:
		w.beside = t.describe(others[0])
		if n := len(others) - 1; n > 0 {
			w.beside += fmt.Sprintf(" and %d more", n)
		}
	case w.own >= 0:
	case len(v.legs) > 0 && len(others) == 0:
		return t.byMetric(d) // a route of ours that is about to go
	default:
		w.foreign = t.rival(d, v, others)
	}
	return w
}

// heldSlot is the slot whose route in the kernel r describes, or -1.
func (t *Table) heldSlot(d dstKey, r kernel.Route) int32 {
	if r.Table != kernel.TableMain || !r.Destination.IsValid() {
		return -1
	}
	e := pack(r.FIBEntry)
	for i := t.first(d); i >= 0; i = t.slots[i].next {
		if s := &t.slots[i]; s.link != 0 && s.entry(s.link) == e {
			return i
		}
	}
	return -1
}

// byMetric judges by what table main is known to hold.
func (t *Table) byMetric(d dstKey) winner {
	w := winner{own: -1}
	for i := t.first(d); i >= 0; i = t.slots[i].next {
		metric, there := t.slots[i].metric, t.slots[i].link != 0
		if b := t.standIns[i]; b.standing {
			metric, there = uint16(b.metric), true
		}
		if there && (w.own < 0 || metric < w.metric) {
			w.own, w.metric = i, metric
		}
	}
	best := ^uint32(0)
	for _, r := range t.foreign[d] {
		if w.own >= 0 && r.Metric < uint32(w.metric) && r.Metric < best && r.Flags&kernel.Dead == 0 {
			best, w.foreign = r.Metric, t.describe(r)
		}
	}
	return w
}

// rival describes what the kernel takes instead of ours.
func (t *Table) rival(d dstKey, v verdict, others []kernel.Route) string {
	asked := fmt.Sprintf(" (looked up %s)", v.asked)
	if len(others) == 0 {
		return "nothing: the kernel has no way" + asked
	}
	r := others[0]
	if r.Destination.IsValid() && r.Table == kernel.TableMain {
		if packDst(r.Destination) != d {
			return t.describe(r) + asked
		}
		return t.describe(r)
	}
	if r.Destination.IsValid() {
		s := t.describe(r) + fmt.Sprintf(" in table %d", r.Table)
		if rule, found := t.rules.sending(r.Table, v.asked); found {
			s = rule.String() + ": " + s
		}
		return s + asked
	}
	for _, f := range t.foreign[d] {
		if f.Type == r.Type {
			return t.describe(f)
		}
	}
	if rule, found := t.rules.refusing(r.Type, v.asked); found {
		return rule.String() + asked
	}
	// The kernel does not say which of both refuses, and a rule may be newer than
	// those that were read; it is named once they are.
	return "a policy rule or a route of another table that is " + kernel.TypeName(r.Type) + asked
}
