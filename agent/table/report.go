package table

import (
	"context"
	"maps"
	"slices"

	"github.com/hcsroute/hcsroute/routes"
)

// pending is what the next report will say; guarded by Table.mu.
type pending struct {
	report  Report // without Changed
	changed map[routes.Key]Exception
	fresh   bool
}

// Next waits until something has changed since the last call and returns it.
// One goroutine may call it; what it does not collect is kept, latest only.
func (t *Table) Next(ctx context.Context) (Report, error) {
	for {
		t.mu.Lock()
		if t.out.fresh {
			r := t.out.report
			r.Changed = slices.SortedFunc(maps.Values(t.out.changed), func(a, b Exception) int { return a.Key.Compare(b.Key) })
			t.out.changed, t.out.fresh = make(map[routes.Key]Exception), false
			t.mu.Unlock()
			return r, nil
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return Report{}, ctx.Err()
		case <-t.outbox:
		}
	}
}

// noteApplied notes that the latest request has been carried out and read back.
func (t *Table) noteApplied() {
	if !t.known && (t.used > 0 || t.authoritative) {
		return
	}
	if len(t.former) > 0 {
		t.migrated()
	}
	if t.applied != t.target {
		t.applied, t.dirty = t.target, true
	}
}

// migrated forgets former protocol numbers once nothing of ours has them: what
// another writes under one from now on is not ours.
func (t *Table) migrated() {
	for o := range t.objects {
		if o.protocol != 0 {
			return
		}
	}
	if t.authoritative {
		t.former, t.dirty = nil, true
	}
}

// publish hands over what changed.
func (t *Table) publish() {
	t.reportDeparted()
	if due(t.losses.at, t.now()) {
		t.logLosses()
	}
	if !t.dirty {
		return
	}
	t.dirty = false
	t.logWithdrawals()
	r := Report{
		Generation: t.applied, Routes: t.used, Programmed: t.used - t.absent, Counters: t.counters,
		NICs: t.nics, Links: t.links, Alarms: t.alarms(), Withdrawn: t.withdrawals(), Migrating: len(t.former) > 0,
	}
	t.mu.Lock()
	t.out.report, t.out.fresh = r, true
	t.mu.Unlock()
	select {
	case t.outbox <- struct{}{}:
	default:
	}
}

func (t *Table) alarms() (all []Alarm) {
	for i, f := range t.fights {
		if f.delay > 0 {
			all = append(all, Alarm{Key: t.keyOf(i), Losses: f.losses, Since: f.since, Retry: f.until, Message: f.message})
		}
	}
	slices.SortFunc(all, func(a, b Alarm) int { return a.Key.Compare(b.Key) })
	return all
}

func (t *Table) reportNICs() {
	nics := make([]NIC, len(t.ports))
	for i := range t.ports {
		nics[i] = t.ports[i].nic
	}
	t.nics, t.dirty = nics, true
}

// setException sets a route's status; a plain or zero one ends the exception.
func (t *Table) setException(i int32, e Exception) {
	old, had := t.excs[i]
	ends := e.State == "" || e.Plain()
	if ends && !had {
		return
	}
	if l, leaves := t.leaving[i]; leaves && !ends {
		e.Withdrawn = e.Withdrawn || l.then.Withdrawn
		l.then = e
		t.leaving[i] = l
		return
	}
	e.Key = t.keyOf(i)
	if ends {
		e.State = routes.Programmed
	}
	e.Withdrawn = !ends && e.State != routes.Programmed && (e.Withdrawn || old.Withdrawn || t.slots[i].has(flagLeft))
	if had && old == e {
		return
	}
	if e.Withdrawn != old.Withdrawn {
		t.noteWithdrawal(i, e)
	}
	if had && old.State != routes.Programmed {
		t.absent--
	}
	if e.State != routes.Programmed {
		t.absent++
	}
	if ends {
		delete(t.excs, i)
	} else {
		t.excs[i] = e
	}
	t.changed(t.withStandIn(i, e))
}

// reportRemoval reports a route that is not desired any more; one that was never
// known as desired is of interest to nobody. Where a route with the same key is
// desired, with another metric or again, its status is what is reported last.
func (t *Table) reportRemoval(key routes.Key, e Exception) {
	if key == (routes.Key{}) {
		return
	}
	e.Key = key
	if e.Plain() {
		if p, ok := t.byName[key.Interface]; ok {
			if i := t.find(t.first(packDst(key.Destination)), packHop(key.NextHop), p); i >= 0 {
				if now, ok := t.excs[i]; ok {
					e = t.withStandIn(i, now)
				}
			}
		}
	}
	t.changed(e)
}

func (t *Table) changed(e Exception) {
	t.mu.Lock()
	t.out.changed[e.Key] = e
	t.mu.Unlock()
	t.dirty = true
}
