package boltstore

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/store"
)

const (
	// trimSlack is the part of a limit by which it must be passed before a trim,
	// so that many records leave at once.
	trimSlack = 64
	// One trim takes out at most so many records and, except for the last, bytes.
	auditStep  = 1024
	auditBytes = 1 << 20
)

// trimAudit lets the oldest n records leave. The trim is a record itself, with
// the anchor: the hash of the last that left, so that the chain still proves
// the rest.
func (g *group) trimAudit(n int) {
	if n == 0 {
		return
	}
	a := &g.st.audit
	first, old := a.first, a.anchor
	for range n {
		key := sequenceKey(a.first)
		value := g.bucket(auditBucket).Get(key)
		a.anchor = hashOf(value)
		if _, actor, err := auditHead(value); err == nil {
			g.keep.count(actor, -len(value))
		}
		a.bytes -= min(a.bytes, uint64(len(value)))
		g.delete(auditBucket, key)
		a.first++
	}
	g.audit(store.AuditRecord{Caller: itself(), Action: store.AuditTrim, Items: uint64(n), Note: fmt.Sprintf(
		"records %d to %d left; the hash before them is %s, that of the last %s", first, a.first-1, hex.EncodeToString(old[:]), hex.EncodeToString(a.anchor[:]))})
}

// letLeave trims records that are due, or leaves them to the archiver, which
// trims what the archive has taken.
func (g *group) letLeave() {
	switch {
	case !g.due():
	case g.keep.trims:
		g.trimAudit(g.leaving())
	default:
		g.leaves = true
	}
}

// due reports whether the oldest record is beyond a limit by more than the slack.
func (g *group) due() bool {
	a, l := &g.st.audit, g.limits
	if a.first+1 >= a.next {
		return false // the newest always stays
	}
	lived := g.lived(g.bucket(auditBucket).Get(sequenceKey(a.first)))
	return lived > l.auditAge+l.auditAge/trimSlack || a.bytes > l.auditBytes+l.auditBytes/trimSlack && lived > l.auditLeast
}

// lived is how long a record has been there.
func (g *group) lived(value []byte) time.Duration {
	own, _, err := auditHead(value)
	if err != nil {
		own = 0 // when it was written is lost: it must not keep the others
	}
	return time.Duration(g.clock.own - own)
}

// newestAudit is when the newest record that can be read was written; none
// where there is none.
func (g *group) newestAudit(none int64) int64 {
	c := g.bucket(auditBucket).Cursor()
	for _, value := c.Last(); value != nil; _, value = c.Prev() {
		if own, _, err := auditHead(value); err == nil {
			return own
		}
	}
	return none
}

// leaving is how many records a trim takes out now: those that are too old, or
// too many and not young, oldest first.
func (g *group) leaving() (n int) {
	a, l := &g.st.audit, g.limits
	if !g.due() {
		return 0
	}
	taken := 0
	for a.first+uint64(n)+1 < a.next && n < auditStep && taken < auditBytes {
		value := g.bucket(auditBucket).Get(sequenceKey(a.first + uint64(n)))
		lived, left := g.lived(value), a.bytes-min(a.bytes, uint64(taken))
		if lived <= l.auditAge && (left <= l.auditBytes || lived <= l.auditLeast) {
			break
		}
		n++
		taken += len(value)
	}
	return n
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
