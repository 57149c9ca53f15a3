package boltstore

import (
	"github.com/hcsroute/hcsroute/store"
)

// logged is true for a record of a change that somebody asked for and got. The
// rest is many or the store's own business, and in the audit only.
func (r *auditEntry) logged() bool {
	switch r.Action {
	case store.NoChange, store.RefusedCaller, store.AuditTrim:
		return false
	}
	return true
}

// logChanges writes a line for each change of a group that is committed: one
// for a batch as well, with the route where it is just one.
func (s *Store) logChanges(g *group) {
	for _, r := range g.audited {
		if !r.logged() {
			continue
		}
		args := []any{"action", r.Action, "actor", r.Caller.Actor, "origin", r.Caller.Origin, "revision", uint64(r.Revision)}
		add := func(key, value string) {
			if value != "" {
				args = append(args, key, value)
			}
		}
		add("on_behalf_of", r.Caller.OnBehalfOf)
		add("request_id", r.RequestID)
		add("note", r.Note)
		if r.ItemsDigest != [32]byte{} { // it was about routes
			args = append(args, "items", r.Items, "refused", r.Refused, "before", len(r.before), "after", len(r.after))
		}
		if len(r.before) <= 1 && len(r.after) <= 1 {
			for _, route := range r.before {
				add("was", route.String())
			}
			for _, route := range r.after {
				add("route", route.String())
			}
		}
		s.opts.Log.Info("a change was stored", args...)
	}
}
