package boltstore

import (
	"slices"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// applyDecision makes the records of a prefix what was decided: records leave, live on as
// tombstones while known nodes have yet to prove, and the new one enters.
func (a *application) applyDecision(pr *prefixRecords, d routes.Decision) store.ItemResult {
	a.own(pr)
	res := store.ItemResult{Outcome: d.Outcome, Before: d.Remove}
	var superseded *routes.Record // by what is put, under the same key
	if !d.Put.IsZero() {
		superseded = clone(find(pr.now, d.Put))
	}
	now, gone := pr.now[:0], d.Remove // in the order of the records
	for _, rec := range pr.now {
		switch {
		case len(gone) > 0 && !rec.Removed && gone[0].Route.SameKey(rec.Route):
			gone = gone[1:]
			a.leave(rec)
			if superseded != nil && rec.Route.SameKey(d.Put) {
				continue
			}
			if tomb, ok := a.tombstone(rec); ok {
				now = append(now, tomb)
				res.After = append(res.After, tomb)
				a.noteChange(pr, &rec, &tomb)
			} else {
				a.noteChange(pr, &rec, nil)
			}
		case superseded != nil && rec.Route.SameKey(d.Put):
			a.st.removing--
		default:
			now = append(now, rec)
		}
	}
	if !d.Put.IsZero() {
		rec := a.enter(d)
		a.noteChange(pr, superseded, &rec)
		now = append(now, rec)
		res.After = append([]routes.Record{rec}, res.After...)
	}
	pr.now = now
	a.changed = true
	return res
}

// own makes the records of a prefix the request's own at its first change of them:
// they are changed in place, and revert puts back what was there before.
func (a *application) own(pr *prefixRecords) {
	if pr.by == a {
		return
	}
	a.undo = append(a.undo, undo{pr: pr, now: pr.now})
	pr.now = append(make([]routes.Record, 0, len(pr.now)+1), pr.now...)
	pr.by, pr.changed = a, pr.changed[:0]
}

func (a *application) leave(rec routes.Record) {
	a.st.version.Count--
	a.st.version.Digest = a.st.version.Digest.Remove(rec.Route)
}

// enter is the record of the route that is put. A change keeps who created
// the route and when.
func (a *application) enter(d routes.Decision) routes.Record {
	now := a.g.now.UnixNano()
	rec := routes.Record{
		Route: d.Put, Revision: a.st.version.Revision, Created: a.st.version.Revision,
		CreatedBy: a.req.Caller.Actor, CreatedTime: now, ChangedTime: now,
	}
	if len(d.Remove) > 0 {
		old := d.Remove[0]
		rec.Created, rec.CreatedBy, rec.CreatedTime = old.Created, old.CreatedBy, old.CreatedTime
	}
	a.st.version.Count++
	a.st.version.Digest = a.st.version.Digest.Add(rec.Route)
	return rec
}

// tombstone is what stays of a removed record; ok is false where no node is
// known, so that nobody has to prove anything.
func (a *application) tombstone(rec routes.Record) (tomb routes.Record, ok bool) {
	if len(a.g.knownNodes()) == 0 {
		return routes.Record{}, false
	}
	rec.Removed = true
	rec.Revision = a.st.version.Revision
	rec.ChangedTime = a.g.now.UnixNano()
	a.st.removing++
	return rec, true
}

// noteChange notes what happened to one key; several changes of it are one, from
// the first state to the last.
func (a *application) noteChange(pr *prefixRecords, before, after *routes.Record) {
	rec := before
	if rec == nil {
		rec = after
	}
	for _, i := range pr.changed {
		if a.keys[i].SameKey(rec.Route) {
			a.changes[i].After = clone(after)
			return
		}
	}
	pr.changed = append(pr.changed, len(a.changes))
	a.changes = append(a.changes, store.Change{Before: clone(before), After: clone(after)})
	a.keys = append(a.keys, rec.Route)
}

// net leaves out keys that came and went within the request.
func (a *application) net() []store.Change {
	return slices.DeleteFunc(a.changes, func(c store.Change) bool { return c.Before == nil && c.After == nil })
}

func clone(rec *routes.Record) *routes.Record {
	if rec == nil {
		return nil
	}
	c := *rec
	return &c
}
