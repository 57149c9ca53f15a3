package boltstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/store"
)

// Audit implements store.Store.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) (recs []store.AuditRecord, more bool, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		recs, more, err = audited(ctx, tx.Bucket([]byte(auditBucket)), q, st.audit)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return recs, more, nil
}

// audited reads the records that q selects. A damaged one is marked as such, and
// costs the others nothing.
func audited(ctx context.Context, b *bolt.Bucket, q store.AuditQuery, a chain) (recs []store.AuditRecord, more bool, err error) {
	c := b.Cursor()
	k, v := c.Last()
	if q.Before > 0 {
		if behind, _ := c.Seek(sequenceKey(q.Before)); behind != nil {
			k, v = c.Prev()
		} else {
			k, v = c.Last()
		}
	}
	named := 0
	for n := 1; k != nil; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		key, value := k, v
		k, v = c.Prev()
		last := a.anchor
		if k != nil {
			last = hashOf(v)
		}
		r := readLinked(key, value, last)
		if r.Damaged == "" && !wantedRecord(q, r.AuditRecord) {
			continue
		}
		if q.Limit > 0 && len(recs) == q.Limit || q.Routes > 0 && named >= q.Routes {
			return recs, true, nil
		}
		recs = append(recs, r.AuditRecord)
		named += len(r.Before) + len(r.After)
	}
	return recs, false, nil
}

// readLinked is readAudit of a record that follows one with the hash last.
func readLinked(key, value []byte, last [32]byte) *auditEntry {
	if len(key) != 8 {
		return &auditEntry{AuditRecord: store.AuditRecord{Damaged: fmt.Sprintf("its key is %x", key)}}
	}
	r := readAudit(binary.BigEndian.Uint64(key), value)
	if r.Damaged == "" && r.Hash != link(last, value[:len(value)-len(r.Hash)]) {
		r.Damaged = "it, or the record before it, was changed or is missing: its hash does not follow"
	}
	return r
}

// wantedRecord judges one record. Times are not in order where the clock has
// jumped, so that no record ends the search.
func wantedRecord(q store.AuditQuery, r store.AuditRecord) bool {
	if !q.Since.IsZero() && r.Time.Before(q.Since) || !q.Until.IsZero() && r.Time.After(q.Until) {
		return false
	}
	if q.Actor != "" && q.Actor != r.Caller.Actor && q.Actor != r.Caller.OnBehalfOf {
		return false
	}
	if !q.Destination.IsValid() {
		return true
	}
	prefix := q.Destination.String() + " "
	for _, list := range [][]string{r.Before, r.After} {
		for _, route := range list {
			if strings.HasPrefix(route, prefix) {
				return true
			}
		}
	}
	return false
}

// VerifyAudit implements store.Store.
func (s *Store) VerifyAudit(ctx context.Context) (proof store.AuditProof, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		proof, err = verifyChain(ctx, tx, st.audit)
		return err
	})
	return proof, err
}

// verifyChain computes every hash again, from the anchor to the head.
func verifyChain(ctx context.Context, tx *bolt.Tx, a chain) (store.AuditProof, error) {
	proof := store.AuditProof{First: a.first, Head: a.head}
	problem := func(format string, args ...any) (store.AuditProof, error) {
		proof.Problem = fmt.Sprintf(format, args...)
		return proof, nil
	}
	hash, next, size := a.anchor, a.first, uint64(0)
	c := tx.Bucket([]byte(auditBucket)).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if proof.Records%checkEvery == 0 && ctx.Err() != nil {
			return proof, ctx.Err()
		}
		r, err := decodeAudit(v)
		if err != nil {
			return problem("record %x: %v", k, err)
		}
		if string(k) != string(sequenceKey(next)) || r.Sequence != next {
			return problem("record %d is missing", next)
		}
		if hash = link(hash, v[:len(v)-len(hash)]); hash != r.Hash {
			return problem("record %d, or the one before it, was changed", next)
		}
		next++
		size += uint64(len(v))
		proof.Records++
	}
	if next != a.next || hash != a.head || size != a.bytes {
		return problem("the chain ends at record %d, it should at %d", next-1, a.next-1)
	}
	return proof, nil
}
