package boltstore

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	// trimSlack is the part of a limit by which it must be passed before a trim,
	// so that many records leave at once.
	trimSlack = 64
	// One trim takes out at most so many records and, but for the last, bytes.
	auditStep  = 1024
	auditBytes = 1 << 20
	// archiveRetry is the pause after an archive that took nothing.
	archiveRetry = time.Minute
	// budgetShare is the part of the audit that one actor may fill while
	// nothing can leave.
	budgetShare = 4
)

// keeper is what the writer knows of the audit beside the store: where records
// leave to, and who has how much of it. Validation has none.
type keeper struct {
	archive func([]store.AuditRecord) error // nil: they just go
	log     *slog.Logger
	after   int64             // no archive before this own time
	problem string            // why the last archive took nothing; empty: it did
	usage   map[string]uint64 // bytes by actor; nil: not counted yet
	tallies tallies           // nil: nothing is counted
	answers *answers          // nil: not counted yet
}

// trimAudit lets records leave that are too old, or too many and not young,
// oldest first. They go to the archive before; what it does not take stays.
// The trim is a record itself, with the anchor: the hash of the last that
// left, so that the chain still proves the rest.
func (g *group) trimAudit() {
	a := &g.st.audit
	leave, sizes := g.leaving()
	if len(leave) == 0 || !g.archived(leave) {
		return
	}
	first, old := a.first, a.anchor
	for i, r := range leave {
		key := sequenceKey(a.first)
		a.anchor = hashOf(g.bucket(auditBucket).Get(key))
		g.delete(auditBucket, key)
		g.keep.count(r.Caller.Actor, -sizes[i])
		a.bytes -= min(a.bytes, uint64(sizes[i]))
		a.first++
	}
	g.audit(store.AuditRecord{Caller: itself(), Action: "audit-trim", Items: uint64(len(leave)), Note: fmt.Sprintf(
		"records %d to %d left; the hash before them is %s, that of the last %s", first, a.first-1, hex.EncodeToString(old[:]), hex.EncodeToString(a.anchor[:]))})
}

// leaving are the records that a trim takes out now, and their sizes. The
// newest always stays.
func (g *group) leaving() (leave []*auditEntry, sizes []int) {
	a, l := &g.st.audit, g.limits
	taken := 0
	for n := a.first; n+1 < a.next && len(leave) < auditStep && taken < auditBytes; n++ {
		value := g.bucket(auditBucket).Get(sequenceKey(n))
		own, _, err := auditHead(value)
		if err != nil {
			own = 0 // when it was written is lost: it must not keep the others
		}
		lived, left := time.Duration(g.clock.own-own), a.bytes-min(a.bytes, uint64(taken))
		due := lived > l.auditAge || left > l.auditBytes && lived > l.auditLeast
		if len(leave) == 0 {
			due = lived > l.auditAge+l.auditAge/trimSlack || left > l.auditBytes+l.auditBytes/trimSlack && lived > l.auditLeast
		}
		if !due {
			break
		}
		leave, sizes = append(leave, readAudit(n, value)), append(sizes, len(value))
		taken += len(value)
	}
	return leave, sizes
}

// readAudit reads a record, or what can be read of a damaged one.
func readAudit(n uint64, value []byte) *auditEntry {
	r, err := decodeAudit(value)
	switch {
	case err != nil:
		r.Damaged = err.Error()
	case r.Sequence != n:
		r.Damaged = fmt.Sprintf("it says that it is record %d", r.Sequence)
	}
	r.Sequence = n
	return r
}

// archived hands records on before they leave, and tells whether they may.
func (g *group) archived(list []*auditEntry) bool {
	if g.keep.archive == nil {
		return true
	}
	if g.clock.own < g.keep.after {
		return false
	}
	recs := make([]store.AuditRecord, len(list))
	for i, r := range list {
		recs[i] = r.AuditRecord
	}
	if err := g.keep.archive(recs); err != nil {
		g.keep.after, g.keep.problem = g.clock.own+int64(archiveRetry), err.Error()
		g.keep.log.Error("audit records cannot leave for the archive; they stay, and the store grows", "error", err, "retry", archiveRetry)
		return false
	}
	g.keep.problem = ""
	return true
}

// budget refuses one more change of an actor that fills the audit while
// nothing can leave it: the others' records stay, and so does the disk's space.
func (g *group) budget(actor string) error {
	a, l := &g.st.audit, g.limits
	if a.bytes < l.auditBytes+l.auditBytes/trimSlack+2*auditBytes {
		return nil
	}
	if g.keep.usage == nil {
		g.keep.usage = g.usage()
	}
	if g.keep.usage[actor] <= l.auditBytes/budgetShare {
		return nil
	}
	return &routes.Error{
		Reason: routes.Unavailable, Field: "caller", Value: actor,
		Problem: fmt.Sprintf("its changes fill %d bytes of the audit, which is full and keeps everything for %s", g.keep.usage[actor], l.auditLeast),
		Action:  "Find out with hcsroute audit list who makes so many changes and why; it works again when the oldest records may leave",
	}
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

func (k *keeper) count(actor string, bytes int) {
	switch {
	case k.usage == nil:
	case bytes < 0:
		k.usage[actor] -= min(k.usage[actor], uint64(-bytes))
	default:
		k.usage[actor] += uint64(bytes)
	}
}
