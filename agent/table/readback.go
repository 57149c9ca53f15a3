package table

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// restFactor bounds what the periodic comparisons take of a processor at
	// rest to 0.05 %, by up to maxStretch times the interval.
	restFactor = 2000
	maxStretch = 4
	// suspectLimit is the number of IPv6 routes missing from a list from which
	// on another list is cheaper than to look up each.
	suspectLimit = 512
)

// needResync asks for a comparison, at once if there was none lately. Foreign
// routes may have gone silently with ours; if any matter, all is read.
func (t *Table) needResync() {
	if len(t.foreign) > 0 {
		t.needSurvey()
		return
	}
	earlier(&t.resyncAt, t.reads.next(t.now()))
}

func (t *Table) needSurvey() { earlier(&t.surveyAt, t.reads.next(t.now())) }

// survey reads all of table main: our routes and the foreign ones that matter.
func (t *Table) survey(ctx context.Context) {
	t.surveyAt = time.Time{}
	clear(t.foreign)
	ok := t.compare(func(yield func(kernel.Route)) error { return t.kernel.Survey(ctx, yield) })
	if !ok {
		t.surveyAt = t.now().Add(factsRetry)
		return
	}
	t.resyncAt = time.Time{}
	t.confirm(ctx)
	t.known, t.missed = true, false
	t.reviewNICs()
	for _, list := range []struct {
		slots *[]int32
		flag  flag
	}{{&t.blocked, flagTried}, {&t.unclear, flagChecked}} {
		for _, i := range *list.slots {
			if t.slots[i].has(flagUsed) {
				t.slots[i].set(list.flag)
				t.queue(i)
			}
		}
		*list.slots = (*list.slots)[:0]
	}
	for d := range t.foreign {
		t.queueChain(d)
	}
	for i, e := range t.excs {
		if e.Condition != "" || e.Cause == routes.ForeignConflict || e.Cause == routes.KeyHeld {
			t.queue(i)
		}
	}
}

// resync reads our routes only, filtered in the kernel.
func (t *Table) resync(ctx context.Context) {
	t.resyncAt = time.Time{}
	ok := t.compare(func(yield func(kernel.Route)) error { return t.kernel.List(ctx, yield) })
	if !ok {
		t.resyncAt = t.now().Add(factsRetry)
		return
	}
	t.confirm(ctx)
}

// compare marks what read yields as seen; what is not desired becomes an extra.
func (t *Table) compare(read func(yield func(kernel.Route)) error) bool {
	start := t.now()
	t.reads.begin(start)
	t.counters.Resyncs++
	t.clearFlag(flagSeen)
	extras, objects := t.resetExtras()
	t.seenBefore = objects
	own := t.kernel.Protocol()
	err := read(func(r kernel.Route) {
		if r.Protocol == own && r.Plain() && !r.Joined { // most of them
			e := pack(r.FIBEntry)
			t.sawOwn(e, extras[e], r.Flags)
			return
		}
		t.saw(r)
	})
	t.seenBefore = nil
	t.reads.add(t.now().Sub(start))
	for e, p := range extras {
		o := object{entry: e}
		switch _, there := t.extras[e]; {
		case there:
		case t.slotOf(e) >= 0: // desired again: it is in the slot
			t.noRemoval(o)
		case err == nil && !e.v4 && t.standing(e) >= 0:
			t.doubt(e)
		case err != nil || !e.v4 && !t.removing[o].absent: // it may still be there
			t.addExtra(e, p)
		default:
			t.deleted(o)
		}
	}
	for o := range objects {
		switch _, there := t.objects[o]; {
		case there:
		case err != nil || !o.v4 && !t.removing[o].absent:
			t.addObject(o)
		default:
			t.deleted(o)
		}
	}
	t.deletable = len(t.extras)+len(t.objects) > 0
	if err == nil {
		t.unproven = false
		return true
	}
	t.opts.Log.Error("read routes", "error", err, "retry", factsRetry)
	return false
}

// sawOwn notes a route of ours that the kernel described, and that is plain.
func (t *Table) sawOwn(e entry, port uint16, flags kernel.Flags) {
	i := t.slotOf(e)
	if i < 0 {
		t.addExtra(e, port)
		t.deletable = true
		return
	}
	s := &t.slots[i]
	s.set(flagSeen)
	if !s.has(flagUnread) {
		s.clear(flagLost) // not put back by us
	}
	if s.link != e.link || s.has(flagUnread) {
		t.programmed(i, e.link)
		if _, exception := t.excs[i]; exception || s.has(flagShared) || t.contested(e.dstKey) {
			t.queue(i) // who wins may have changed
		}
	}
	t.noteFlags(i, flags)
}

// clarify finds out whose IPv6 next hops are, where a reading or a notification
// left that open. Where a look-up cannot show it, because another route takes the
// packets, the hop of a desired route is taken for another manager's, and any
// other is deleted if it is ours.
func (t *Table) clarify(ctx context.Context) {
	batch := t.doubts[:min(len(t.doubts), matchLimit)]
	t.doubts = t.doubts[len(batch):]
	addrs := make([]netip.Addr, len(batch))
	for k, r := range batch {
		addrs[k] = r.Destination.Addr()
	}
	got, err := t.kernel.Match(ctx, addrs)
	if err != nil {
		t.opts.Log.Error("look up routes", "error", err)
		t.needSurvey()
		return
	}
	for k, r := range batch {
		e := pack(r.FIBEntry)
		legs := got[k]
		if len(legs) > 0 && legs[0].Table == kernel.TableMain && packDst(legs[0].Destination) == e.dstKey && legs[0].Metric == e.metric {
			i := slices.IndexFunc(legs, func(l kernel.Route) bool { return l.FIBEntry == r.FIBEntry })
			if i < 0 {
				t.noStandIn(e) // gone already
				continue
			}
			if !legs[i].Joined {
				t.saw(legs[i])
				t.queueChain(e.dstKey)
				continue
			}
		}
		if r.Legs == 0 && lacks(legs, e) { // not described, but missing
			t.noStandIn(e)
			continue
		}
		if _, other := t.others[e]; !other && t.slotOf(e) < 0 {
			t.addExtra(e, 0)
			t.deletable = true
			continue
		}
		r.Protocol = 0 // unknown
		t.addForeign(r)
		t.queueChain(e.dstKey)
	}
}

// confirm judges the routes that a complete reading did not yield. For IPv4
// they are gone. An IPv6 dump under changes misses routes without saying so,
// so those are looked up one by one, or read again.
func (t *Table) confirm(ctx context.Context) {
	suspects := t.missing()
	if len(suspects) > suspectLimit {
		err := t.kernel.List(ctx, func(r kernel.Route) {
			if p := pack(r.FIBEntry); !p.v4 && t.findEntry(p) >= 0 {
				t.saw(r)
			}
		})
		if err != nil {
			t.opts.Log.Error("read routes again", "error", err)
		}
		suspects = t.missing()
	}
	for batch := range slices.Chunk(suspects, matchLimit) {
		if len(suspects) > suspectLimit {
			break // truly gone: adding with NLM_F_EXCL harms none that is there
		}
		for k, legs := range t.match(ctx, batch) {
			for _, r := range legs {
				s := &t.slots[batch[k]]
				if r.Table != kernel.TableMain || pack(r.FIBEntry) != s.entry(s.link) {
					continue
				}
				if !r.Joined && (r.Protocol != t.kernel.Protocol() || !r.Plain()) {
					t.saw(r) // the same next hop, and not what we wrote
					continue
				}
				s.set(flagSeen)
				t.read(batch[k])
				t.noteFlags(batch[k], r.Flags)
			}
		}
	}
	for i := range t.slots {
		if s := &t.slots[i]; s.link != 0 && !s.has(flagSeen) {
			t.gone(int32(i))
		}
	}
}

// missing are the IPv6 routes that should have been yielded and were not.
func (t *Table) missing() (suspects []int32) {
	for i := range t.slots {
		if s := &t.slots[i]; s.link != 0 && !s.v4 && !s.has(flagSeen) {
			suspects = append(suspects, int32(i))
		}
	}
	return suspects
}

// gone notes that the kernel does not have a route any more, or not where it is
// wanted.
func (t *Table) gone(i int32) {
	s := &t.slots[i]
	if !t.ports[s.port].nic.mayBe(s.link) {
		s.set(flagLeft) // compared before it was decided
		if _, there := t.extras[s.entry(s.link)]; there {
			t.depart(i)
			t.queue(i)
			return
		}
	}
	s.link = 0
	if s.has(flagTaken) {
		t.read(i) // deleted after all, before it was desired again
		s.clear(flagTaken)
		t.queue(i)
		return
	}
	if s.has(flagUnread) {
		// Written, or perhaps not, and not there: not again at once.
		t.read(i)
		t.setException(i, Exception{State: routes.Waiting, Cause: routes.InProgress, Detail: "written, but the kernel does not list it; writing it again"})
		t.backOff(i)
		return
	}
	s.set(flagLost)
	if t.missed && !s.has(flagLeft) {
		t.noteLoss(i, "")
	}
	t.queue(i)
}

// addForeign remembers a foreign route to a desired destination, as it was
// described last.
func (t *Table) addForeign(r kernel.Route) {
	d := packDst(r.Destination)
	if r.Traits&kernel.Selective != 0 || t.first(d) < 0 {
		return // it concerns some packets only, or none of ours
	}
	list := t.foreign[d]
	if i := slices.IndexFunc(list, func(o kernel.Route) bool { return sameRoute(o, r) }); i >= 0 {
		list[i] = r
		return
	}
	t.foreign[d] = append(list, r)
}

// sameRoute reports whether both describe one route. To IPv6, whose it is makes
// no difference.
func sameRoute(a, b kernel.Route) bool {
	return a.FIBEntry == b.FIBEntry && a.Type == b.Type && a.NextHopID == b.NextHopID &&
		(a.Protocol == b.Protocol || a.Destination.Addr().Is6())
}

func (t *Table) dropForeign(d dstKey, match func(kernel.Route) bool) {
	rest := slices.DeleteFunc(t.foreign[d], match)
	if len(rest) == 0 {
		delete(t.foreign, d)
		return
	}
	t.foreign[d] = rest
}
