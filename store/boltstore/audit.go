package boltstore

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// auditFormat is what is written. Format 1 named the first 100 routes of a
// change as text, and knew neither certificate, refusals nor the own time.
const auditFormat = 2

// auditEntry is a record as it is kept.
type auditEntry struct {
	store.AuditRecord
	own           int64 // the store's own time, see clock
	before, after []routes.Route
}

// appendAudit appends the canonical encoding of a record: all of it but its hash.
func appendAudit(b []byte, r *auditEntry) []byte {
	b = append(b, auditFormat)
	b = binary.AppendUvarint(b, r.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(r.own))
	for _, s := range []string{r.Caller.Actor, r.Caller.Certificate, r.Caller.OnBehalfOf, r.Caller.Origin, r.Action} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(r.Revision))
	b = appendRouteList(b, r.before)
	b = appendRouteList(b, r.after)
	b = binary.AppendUvarint(b, r.Items)
	b = binary.AppendUvarint(b, r.Refused)
	b = append(b, r.ItemsDigest[:]...)
	b = appendText(b, r.RequestID)
	return appendText(b, r.Note)
}

// auditHead is the beginning of a record: its own time and whose it is.
func auditHead(value []byte) (own int64, actor string, err error) {
	d := decoder{b: value}
	format := d.either(1, auditFormat)
	d.uvarint()
	own = int64(d.uint64())
	if format != 1 {
		own = int64(d.uint64())
	}
	actor = d.text()
	if d.err == nil && len(d.b) < len([32]byte{}) {
		d.fail(errShort)
	}
	return own, actor, d.err
}

// decodeAudit reads what the bucket holds: the encoding and the hash. With an
// error it gives what could be read.
func decodeAudit(value []byte) (*auditEntry, error) {
	d := decoder{b: value}
	format := d.either(1, auditFormat)
	r := &auditEntry{AuditRecord: store.AuditRecord{Sequence: d.uvarint(), Time: time.Unix(0, int64(d.uint64()))}}
	r.own = r.Time.UnixNano()
	if format != 1 {
		r.own = int64(d.uint64())
	}
	r.Caller.Actor = d.text()
	if format != 1 {
		r.Caller.Certificate = d.text()
	}
	r.Caller.OnBehalfOf, r.Caller.Origin, r.Action = d.text(), d.text(), d.text()
	r.Revision = routes.Revision(d.uvarint())
	if format == 1 {
		for _, list := range []*[]string{&r.Before, &r.After} {
			for range d.count() {
				*list = append(*list, d.text())
			}
		}
	} else {
		r.before, r.after = d.routeList(), d.routeList()
		r.Before, r.After = texts(r.before), texts(r.after)
	}
	r.Items = d.uvarint()
	if format != 1 {
		r.Refused = d.uvarint()
	}
	r.ItemsDigest = d.hash()
	r.RequestID, r.Note = d.text(), d.text()
	r.Hash = d.hash()
	if err := d.end(); err != nil {
		return r, damaged("audit record: %v", err)
	}
	return r, nil
}

func texts(list []routes.Route) (out []string) {
	for _, r := range list {
		out = append(out, r.String())
	}
	return out
}

// link is the hash of a record: over the hash before it and its encoding.
func link(before [32]byte, encoded []byte) [32]byte {
	h := sha256.New()
	h.Write(before[:])
	h.Write(encoded)
	return [32]byte(h.Sum(nil))
}

// hashOf is the hash at the end of a record, zero where there is none.
func hashOf(value []byte) (h [32]byte) {
	if at := len(value) - len(h); at >= 0 {
		copy(h[:], value[at:])
	}
	return h
}

func sequenceKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// audit appends a record to the chain; sequence, times and revision are filled in.
func (g *group) audit(r store.AuditRecord) { g.append(&auditEntry{AuditRecord: r}) }

func (g *group) append(r *auditEntry) {
	g.auditJump()
	a := &g.st.audit
	r.Sequence, r.Time, r.own, r.Revision = a.next, g.now, g.clock.own, g.st.version.Revision
	value := appendAudit(make([]byte, 0, 512), r)
	a.head = link(a.head, value)
	value = append(value, a.head[:]...)
	b := g.bucket(auditBucket)
	b.FillPercent = 1 // only ever appended to
	g.put(auditBucket, sequenceKey(r.Sequence), value)
	a.next++
	a.bytes += uint64(len(value))
	g.keep.count(r.Caller.Actor, len(value))
	g.audited = append(g.audited, r)
}

// auditJump audits a jump of the wall clock, before what was written after it.
func (g *group) auditJump() {
	if jump := g.jump; jump != "" {
		g.jump = ""
		g.audit(store.AuditRecord{Caller: itself(), Action: "clock-jump", Note: jump})
	}
}

// itself is who the store's own records are of.
func itself() store.Caller { return store.Caller{Actor: "service", Origin: "store"} }

// auditItems describes what a request did: the routes before and after, how
// many items were refused, and a digest over every item.
func auditItems(r *auditEntry, items []store.Item, results []store.ItemResult) {
	h := sha256.New()
	var buf []byte
	for i, res := range results {
		buf = append(buf[:0], byte(items[i].Op))
		buf = appendText(buf, string(res.Outcome))
		reason := ""
		if res.Err != nil {
			reason = string(res.Err.Reason)
			r.Refused++
		}
		buf = appendText(buf, reason)
		buf = appendRoutes(buf, res.Before)
		buf = appendRoutes(buf, res.After)
		h.Write(buf)
		if res.Err == nil && res.Outcome != routes.Unchanged {
			for _, rec := range res.Before {
				r.before = append(r.before, rec.Route)
			}
			for _, rec := range res.After {
				if !rec.Removed {
					r.after = append(r.after, rec.Route)
				}
			}
		}
	}
	r.Items = uint64(len(items))
	r.ItemsDigest = [32]byte(h.Sum(nil))
}

func appendRoutes(b []byte, recs []routes.Record) []byte {
	b = binary.AppendUvarint(b, uint64(len(recs)))
	for _, rec := range recs {
		removed := byte(0)
		if rec.Removed {
			removed = 1
		}
		b = append(rec.Route.AppendCanonical(b), removed)
	}
	return b
}

// either reads the leading format byte.
func (d *decoder) either(formats ...byte) byte {
	b := d.take(1)
	if b == nil {
		return 0
	}
	for _, f := range formats {
		if b[0] == f {
			return f
		}
	}
	d.fail(fmt.Errorf("format %d, this version knows %d", b[0], formats))
	return 0
}
