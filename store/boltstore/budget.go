package boltstore

import (
	"fmt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	// budgetShare is the part of the audit that one actor may fill while
	// nothing can leave, and by how much it may be over its size before that
	// counts.
	budgetShare = 4
	// ownerTimes is how many times the audit's size the device's own admins may fill.
	ownerTimes = 16
)

// keeper is what the writer knows beside the store: what is kept of whom, and
// what becomes of audit records that are due. Validation works with an empty one.
type keeper struct {
	trims   bool              // with the next change: no archive takes them
	due     chan struct{}     // wakes the archiver; nil: there is none
	problem func() string     // why the archive took nothing; empty: it did
	usage   map[string]uint64 // bytes of the audit by actor; nil: not counted yet
	tallies tallies           // nil: nothing is counted
	answers *answers          // nil: not counted yet
}

// budget refuses one more change of an actor that fills the audit while
// nothing can leave it: the others' records stay, and so does the disk's
// space. What only removes routes is never refused: there is no more of it
// than was added.
func (g *group) budget(req *store.Request, results []store.ItemResult) error {
	a, l := &g.st.audit, g.limits
	if a.bytes < l.auditBytes+l.auditBytes/budgetShare+2*auditBytes || !grows(req.Items, results) {
		return nil
	}
	if g.keep.usage == nil {
		g.keep.usage = g.usage()
	}
	share := l.auditBytes / budgetShare
	if req.Owner {
		share = l.auditBytes * ownerTimes
	}
	used := g.keep.usage[req.Caller.Actor]
	if used <= share {
		return nil
	}
	full := routes.Error{
		Reason: routes.Unavailable, Field: "caller", Value: req.Caller.Actor,
		Problem: fmt.Sprintf("its changes fill %d bytes of the audit, which is full and keeps every record for %s", used, l.auditLeast),
		Action:  "Find out with hcsroute audit list who makes so many changes, and end that; it works again when the oldest records may leave",
	}
	if problem := g.keep.problem(); problem != "" {
		full.Problem = fmt.Sprintf("its changes fill %d bytes of the audit, which is full because the archive takes no records: %s", used, problem)
		full.Action = "Mend what store.archive names, or the service's log where it is empty; it works again when the records have left"
	}
	full.Action += ". Meanwhile removals are taken, and changes by an admin on the device"
	return &full
}

// grows reports whether an item has made or changed a route.
func grows(items []store.Item, results []store.ItemResult) bool {
	for i, res := range results {
		if items[i].Op != store.OpRemove && res.Err == nil && res.Outcome != routes.Unchanged {
			return true
		}
	}
	return false
}

// usage counts the audit's bytes by actor.
func (g *group) usage() map[string]uint64 {
	usage := map[string]uint64{}
	c := g.bucket(auditBucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if _, actor, err := auditHead(v); err == nil {
			usage[actor] += uint64(len(v))
		}
	}
	return usage
}

// wakeArchiver wakes the archiver: records are due, or may be.
func (k *keeper) wakeArchiver() {
	select {
	case k.due <- struct{}{}:
	default: // it knows, or there is none
	}
}

func (k *keeper) count(actor string, bytes int) {
	switch {
	case k.usage == nil:
	case bytes < 0:
		k.usage[actor] -= min(k.usage[actor], uint64(-bytes))
	default:
		k.usage[actor] += uint64(bytes)
	}
}
