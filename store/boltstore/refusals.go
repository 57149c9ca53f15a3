package boltstore

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// maxTallies bounds how many callers are counted apart.
const maxTallies = 256

// tally counts the calls of a caller that changed nothing, until it is audited.
type tally struct {
	since   time.Time
	calls   uint64
	items   uint64
	refused map[routes.Reason]uint64
}

// tallies are those of all callers, whatever their origin; the writer's own.
type tallies map[store.Caller]*tally

// add counts a call without a change.
func (t tallies) add(who store.Caller, now time.Time, results []store.ItemResult) {
	key := store.Caller{Actor: who.Actor, Certificate: who.Certificate}
	if t[key] == nil && len(t) >= maxTallies {
		key = store.Caller{Actor: "others"}
	}
	one := t[key]
	if one == nil {
		one = &tally{since: now, refused: map[routes.Reason]uint64{}}
		t[key] = one
	}
	one.calls++
	one.items += uint64(len(results))
	for _, res := range results {
		if res.Err != nil {
			one.refused[res.Err.Reason]++
		}
	}
}

// unchanged counts a call that changed nothing, except for one without items.
func (g *group) unchanged(req *store.Request, results []store.ItemResult) {
	if g.keep.tallies != nil && len(results) > 0 {
		g.keep.tallies.add(req.Caller, g.now, results)
	}
}

// record is the tally for the audit.
func (t *tally) record(who store.Caller) store.AuditRecord {
	r := store.AuditRecord{Caller: who, Action: store.NoChange, Items: t.items}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(t.refused)) {
		r.Refused += t.refused[reason]
		reasons = append(reasons, fmt.Sprintf("%d %s", t.refused[reason], reason))
	}
	r.Note = fmt.Sprintf("%d calls since %s changed nothing", t.calls, t.since.UTC().Format(time.RFC3339))
	if len(reasons) > 0 {
		r.Note += "; refused items: " + strings.Join(reasons, ", ")
	}
	return r
}

// auditTallies audits what was counted. What cannot be written is counted on.
func (s *Store) auditTallies() {
	if len(s.keep.tallies) == 0 || s.stopped != nil {
		return
	}
	c := &call{items: len(s.keep.tallies), err: make(chan error, 1), run: func(g *group) error {
		for who, t := range s.keep.tallies {
			g.audit(t.record(who))
		}
		return nil
	}}
	s.commit([]*call{c})
	if <-c.err == nil {
		clear(s.keep.tallies)
	}
}
