package table

import (
	"context"
	"fmt"
	"math"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// standIn is what the kernel has of a route from before its metric or next hop
// was changed. It stays where the kernel does not take the new one.
type standIn struct {
	entry
	standing bool // it stays, and the host knows
}

// parted is a route in the kernel that a request takes out of the desired set.
type parted struct {
	entry
	port uint16
}

// part takes a slot's route out of the desired set.
func (t *Table) part(i int32) {
	s := &t.slots[i]
	if s.link != 0 {
		t.left = append(t.left, parted{s.entry(s.link), s.port})
	} else if b, ok := t.standIns[i]; ok {
		t.left = append(t.left, parted{b.entry, s.port})
	}
	t.removeSlot(i)
}

// pair finds out which routes that are new with a request take the place of
// which that went with it: a changed next hop is a removal and an addition.
func (t *Table) pair() {
	for _, g := range t.left {
		heir := int32(-1)
		for i := t.first(g.dstKey); i >= 0; i = t.slots[i].next {
			s := &t.slots[i]
			if _, taken := t.standIns[i]; taken || !s.has(flagNew) || s.port != g.port {
				continue
			}
			if heir < 0 || uint32(s.metric) == g.metric {
				heir = i
			}
		}
		if heir >= 0 {
			t.standIns[heir] = standIn{entry: g.entry}
		}
	}
	for _, i := range t.fresh {
		t.slots[i].clear(flagNew)
	}
	t.left, t.fresh = nil, nil
}

// standsFor is the slot that e stands in for while its route is not in the kernel:
// e is the route as it was before the change or, to an agent that has started
// since, the same route with another metric. -1: none.
func (t *Table) standsFor(e entry) int32 {
	heir := int32(-1)
	for i := t.first(e.dstKey); i >= 0; i = t.slots[i].next {
		s, b := &t.slots[i], t.standIns[i]
		switch nic := &t.ports[s.port].nic; {
		case s.link != 0 && uint32(s.metric) == e.metric:
			return -1 // a desired route has the kernel key, which e would go before
		case s.link != 0 || !nic.mayBe(e.link) || s.entry(e.link) == e || e.metric > math.MaxUint16:
		case b.entry == e, b.entry == entry{} && s.hop == e.hop:
			old := *s
			old.metric = uint16(e.metric)
			if refused, _ := t.onLink(&old, nic); refused.State != routes.Failed {
				heir = i
			}
		}
	}
	return heir
}

// stays reports whether an unwanted route of ours stands in for another; if so,
// the status of the other says it.
func (t *Table) stays(ctx context.Context, e entry) bool {
	i := t.standsFor(e)
	if i < 0 {
		return false
	}
	if t.standIns[i].standing {
		return true
	}
	t.standIns[i] = standIn{e, true}
	t.changed(t.withStandIn(i, t.excs[i]))
	if o := (object{entry: e}); e.hop != t.slots[i].hop {
		r := t.removing[o]
		r.key = t.keyOfRemoved(o)
		t.removing[o] = r
		t.reportRemoval(r.key, Exception{
			State: routes.Removing, Cause: routes.InProgress, Detail: "stays in the kernel until " + t.keyOf(i).String() + ", which takes its place, can be programmed",
		})
	}
	t.judge(ctx, []int32{i}) // it may go before others of ours
	return true
}

// withStandIn is an exception as it is reported, with what stands in for the route.
func (t *Table) withStandIn(i int32, e Exception) Exception {
	b := t.standIns[i]
	if !b.standing || e.State == routes.Programmed {
		return e
	}
	if b.hop != t.slots[i].hop {
		e.Detail += fmt.Sprintf("; until it can be programmed, the route via %s metric %d stays", b.nextHop(b.hop), b.metric)
	} else {
		e.Detail += fmt.Sprintf("; until it can be programmed, the one with metric %d stays", b.metric)
	}
	return e
}

// standing is the slot that e stands in for, or -1.
func (t *Table) standing(e entry) int32 {
	if len(t.standIns) == 0 {
		return -1
	}
	for i := t.first(e.dstKey); i >= 0; i = t.slots[i].next {
		if b := t.standIns[i]; b.standing && b.entry == e {
			return i
		}
	}
	return -1
}

// noStandIn notes that e is not in the kernel any more, or is desired itself.
func (t *Table) noStandIn(e entry) {
	i := t.standing(e)
	if i < 0 {
		return
	}
	delete(t.standIns, i)
	if exc, ok := t.excs[i]; ok {
		t.changed(exc)
	}
	t.queueChain(e.dstKey)
}

// arrived notes that a slot's route is in the kernel: what stood in for it, or
// for another with its key, can go.
func (t *Table) arrived(i int32) {
	if len(t.standIns) > 0 {
		delete(t.standIns, i)
		t.deletable = true
	}
}

// lacks reports whether the answer for an address of e's destination proves that
// table main does not have e: nothing, or what comes after it, takes the packets.
func lacks(legs []kernel.Route, e entry) bool {
	if len(legs) == 0 {
		return true
	}
	d := legs[0].Destination
	return d.IsValid() && legs[0].Table == kernel.TableMain &&
		(d.Bits() < int(e.bits) || packDst(d) == e.dstKey && legs[0].Metric > e.metric)
}

// doubt has a stand-in looked up that an IPv6 reading has not shown.
func (t *Table) doubt(e entry) {
	t.doubts = append(t.doubts, kernel.Route{FIBEntry: e.unpack(), Protocol: t.kernel.Protocol()})
}
