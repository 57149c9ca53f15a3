package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/store"
)

// TestDamagedAuditRecord: a record that was damaged is shown as such, and costs
// neither the others nor the trim.
func TestDamagedAuditRecord(t *testing.T) {
	for name, damage := range map[string]func(value []byte) []byte{
		"a byte of the content": func(v []byte) []byte { return bytes.Replace(v, []byte("note 5"), []byte("mote 5"), 1) },
		"the format":            func(v []byte) []byte { v[0] = 99; return v },
		"cut":                   func(v []byte) []byte { return v[:20] },
		"empty":                 func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			path := dbPath(t)
			up := time.Duration(0)
			opts := Options{AuditAge: time.Hour, Uptime: func() (string, time.Duration) { return "boot", up }}
			s, err := Open(path, opts)
			if err != nil {
				t.Fatal(err)
			}
			note := func(n int) {
				t.Helper()
				if err := s.Note(context.Background(), store.Caller{Actor: "a"}, "note", fmt.Sprintf("note %d", n)); err != nil {
					t.Fatal(err)
				}
			}
			for n := range 9 {
				note(n + 1)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, func(tx *bolt.Tx) error {
				b := tx.Bucket([]byte(auditBucket))
				return b.Put(sequenceKey(5), damage(bytes.Clone(b.Get(sequenceKey(5)))))
			})
			s = mustOpen(t, path, opts)
			// Also where a filter would leave it out.
			for _, q := range []store.AuditQuery{{}, {Actor: "a"}} {
				recs, _, err := s.Audit(context.Background(), q)
				if err != nil || len(recs) != 9 {
					t.Fatalf("%d records, %v", len(recs), err)
				}
				for _, r := range recs {
					// The one after it follows a hash that is lost, unless that is whole.
					if bad := r.Damaged != ""; bad != (r.Sequence == 5) && r.Sequence != 6 || r.Sequence != 5 && r.Note != fmt.Sprintf("note %d", r.Sequence) {
						t.Errorf("%+v", r)
					}
				}
			}
			if proof, err := s.VerifyAudit(context.Background()); err != nil || proof.Problem == "" {
				t.Fatalf("%+v %v", proof, err)
			}
			up = 2 * time.Hour
			note(10)
			note(11)
			recs, _, err := s.Audit(context.Background(), store.AuditQuery{})
			if err != nil || len(recs) != 4 && len(recs) != 3 {
				t.Fatalf("%d records after the trim, %v", len(recs), err)
			}
		})
	}
}
