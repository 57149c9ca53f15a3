package boltstore

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	auditFormat = 1
	// auditSample is how many routes of a batch its audit record names.
	auditSample = 100
)

// appendAudit appends the canonical encoding of a record: all of it but its hash.
func appendAudit(b []byte, r store.AuditRecord) []byte {
	b = append(b, auditFormat)
	b = binary.AppendUvarint(b, r.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	for _, s := range []string{r.Caller.Actor, r.Caller.OnBehalfOf, r.Caller.Origin, r.Action} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(r.Revision))
	for _, list := range [][]string{r.Before, r.After} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	b = binary.AppendUvarint(b, r.Items)
	b = append(b, r.ItemsDigest[:]...)
	b = appendText(b, r.RequestID)
	return appendText(b, r.Note)
}

// decodeAudit reads what the bucket holds: the encoding and the hash.
func decodeAudit(value []byte) (store.AuditRecord, error) {
	d := decoder{b: value}
	d.version(auditFormat)
	r := store.AuditRecord{Sequence: d.uvarint(), Time: time.Unix(0, int64(d.uint64()))}
	r.Caller = store.Caller{Actor: d.text(), OnBehalfOf: d.text(), Origin: d.text()}
	r.Action = d.text()
	r.Revision = routes.Revision(d.uvarint())
	for _, list := range []*[]string{&r.Before, &r.After} {
		for range d.count() {
			*list = append(*list, d.text())
		}
	}
	r.Items = d.uvarint()
	r.ItemsDigest = d.hash()
	r.RequestID, r.Note = d.text(), d.text()
	r.Hash = d.hash()
	if err := d.end(); err != nil {
		return store.AuditRecord{}, damaged("audit record: %v", err)
	}
	return r, nil
}

// link is the hash of a record: over the hash before it and its encoding.
func link(before [32]byte, encoded []byte) [32]byte {
	h := sha256.New()
	h.Write(before[:])
	h.Write(encoded)
	return [32]byte(h.Sum(nil))
}

func sequenceKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// audit appends a record to the chain; sequence, time and revision are filled in.
func (g *group) audit(r store.AuditRecord) {
	a := &g.st.audit
	r.Sequence, r.Time, r.Revision = a.next, g.now, g.st.version.Revision
	value := appendAudit(make([]byte, 0, 512), r)
	a.head = link(a.head, value)
	value = append(value, a.head[:]...)
	b := g.bucket(auditBucket)
	b.FillPercent = 1 // only ever appended to
	g.put(auditBucket, sequenceKey(r.Sequence), value)
	a.next++
	a.bytes += uint64(len(value))
}

// trimAudit drops records that are too old or too many, oldest first. The
// anchor keeps the hash of the last that was dropped, so that the chain still
// proves the rest. The newest record always stays.
func (g *group) trimAudit() {
	a := &g.st.audit
	oldest := g.now.Add(-g.limits.auditAge).UnixNano()
	for range trimStep {
		if a.first+1 >= a.next {
			return
		}
		value := g.bucket(auditBucket).Get(sequenceKey(a.first))
		d := decoder{b: value}
		d.version(auditFormat)
		d.uvarint()
		written := int64(d.uint64())
		if d.err != nil || len(value) < 32 {
			// Left for VerifyAudit to tell; the change at hand is not at fault.
			return
		}
		if written >= oldest && a.bytes <= g.limits.auditBytes {
			return
		}
		a.anchor = [32]byte(value[len(value)-32:])
		a.bytes -= min(a.bytes, uint64(len(value)))
		g.delete(auditBucket, sequenceKey(a.first))
		a.first++
	}
}

// auditItems describes what a request did: the first routes before and after,
// and a digest over every item.
func auditItems(r *store.AuditRecord, items []store.Item, results []store.ItemResult) {
	h := sha256.New()
	var buf []byte
	for i, res := range results {
		buf = append(buf[:0], byte(items[i].Op))
		buf = appendText(buf, string(res.Outcome))
		reason := ""
		if res.Err != nil {
			reason = string(res.Err.Reason)
		}
		buf = appendText(buf, reason)
		buf = appendRoutes(buf, res.Before)
		buf = appendRoutes(buf, res.After)
		h.Write(buf)
		if res.Err == nil && res.Outcome != routes.Unchanged {
			r.Before = sample(r.Before, res.Before, false)
			r.After = sample(r.After, res.After, true)
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

func sample(list []string, recs []routes.Record, live bool) []string {
	for _, rec := range recs {
		if len(list) == auditSample {
			break
		}
		if !live || !rec.Removed {
			list = append(list, rec.Route.String())
		}
	}
	return list
}
