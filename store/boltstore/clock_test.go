package boltstore

import (
	"context"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/store"
)

// TestAStoreWithoutAClock: where a store of an earlier release gets its clock while the wall
// clock is wrong, nothing is older than it was.
func TestAStoreWithoutAClock(t *testing.T) {
	for name, spoil := range map[string]func(audit *bolt.Bucket) error{
		"whole":              func(*bolt.Bucket) error { return nil },
		"its newest damaged": func(audit *bolt.Bucket) error { return audit.Put(sequenceKey(2), []byte{0xff}) },
	} {
		t.Run(name, func(t *testing.T) {
			path := dbPath(t)
			s, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			mustAdd(t, s, 0, 1)
			mustAdd(t, s, 1, 1)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, func(tx *bolt.Tx) error {
				if err := tx.Bucket([]byte(metaBucket)).Delete([]byte(clockKey)); err != nil {
					return err
				}
				return spoil(tx.Bucket([]byte(auditBucket)))
			})
			s = mustOpen(t, path, Options{Now: func() time.Time { return time.Now().AddDate(10, 0, 0) }})
			mustAdd(t, s, 2, 1)
			recs, _, err := s.Audit(context.Background(), store.AuditQuery{})
			if err != nil || len(recs) != 3 || recs[2].Sequence != 1 {
				t.Fatalf("%+v %v", recs, err)
			}
		})
	}
}
