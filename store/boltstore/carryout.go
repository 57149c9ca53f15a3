package boltstore

import (
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// carryOut does to a place what was decided: records leave, live on as
// tombstones while known nodes have yet to prove, and the new one enters.
func (a *application) carryOut(pl *place, d routes.Decision) store.ItemResult {
	a.undo = append(a.undo, undo{pl: pl, now: pl.now})
	res := store.ItemResult{Outcome: d.Outcome, Before: d.Remove}
	now := make([]routes.Record, 0, len(pl.now)+1)
	for _, rec := range pl.now {
		switch {
		case find(d.Remove, rec.Route) != nil && !rec.Removed:
			a.leave(rec)
			if !d.Put.IsZero() && sameKey(rec.Route, d.Put) {
				continue
			}
			if tomb, ok := a.tombstone(rec); ok {
				now = append(now, tomb)
				res.After = append(res.After, tomb)
				a.changes.add(rec.Route, &rec, &tomb)
			} else {
				a.changes.add(rec.Route, &rec, nil)
			}
		case !d.Put.IsZero() && sameKey(rec.Route, d.Put):
			// A tombstone of the same key is superseded.
			a.st.removing--
		default:
			now = append(now, rec)
		}
	}
	if !d.Put.IsZero() {
		rec := a.enter(d)
		a.changes.add(d.Put, find(pl.now, d.Put), &rec)
		now = append(now, rec)
		res.After = append([]routes.Record{rec}, res.After...)
	}
	pl.now = now
	a.changed = true
	return res
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

// changes are what a request did to each key; several changes of one key are
// one from the first state to the last.
type changes struct {
	list []store.Change
	at   map[routes.Key]int
}

func (c *changes) grow(n int) {
	c.list = make([]store.Change, 0, n)
	c.at = make(map[routes.Key]int, n)
}

func (c *changes) add(r routes.Route, before, after *routes.Record) {
	key := r.Key()
	i, ok := c.at[key]
	if !ok {
		i = len(c.list)
		c.at[key] = i
		c.list = append(c.list, store.Change{Before: clone(before)})
	}
	c.list[i].After = clone(after)
}

// net leaves out keys that came and went within the request.
func (c *changes) net() []store.Change {
	out := c.list[:0]
	for _, ch := range c.list {
		if ch.Before != nil || ch.After != nil {
			out = append(out, ch)
		}
	}
	return out
}

func clone(rec *routes.Record) *routes.Record {
	if rec == nil {
		return nil
	}
	c := *rec
	return &c
}
