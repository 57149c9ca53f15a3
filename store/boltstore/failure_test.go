package boltstore

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// commitFault stands at the commit. It is armed with one fault and
// reports whether that was met.
type commitFault struct {
	fault func(*bolt.Tx) error
}

func (c *commitFault) commit(tx *bolt.Tx) error {
	if fault := c.fault; fault != nil {
		c.fault = nil
		return fault(tx)
	}
	return tx.Commit()
}

// failBefore fails as bbolt does when the data pages cannot be written.
func failBefore(err error) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		_ = tx.Rollback()
		return err
	}
}

// failAfter fails as bbolt does when the meta page was written but not synced.
func failAfter(err error) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		if cerr := tx.Commit(); cerr != nil {
			return cerr
		}
		return err
	}
}

func TestCommitFailure(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for _, tt := range []struct {
		name  string
		fault func(*bolt.Tx) error
		want  routes.Reason
	}{
		{"full", failBefore(full), routes.DiskFull},
		{"quota", failBefore(syscall.EDQUOT), routes.DiskFull},
		{"grow", failBefore(errors.New("file resize error: truncate x: " + syscall.ENOSPC.Error())), routes.DiskFull},
		{"full at the last sync", failAfter(syscall.ENOSPC), routes.StoreFailed},
		{"data sync", failBefore(syscall.EIO), routes.StoreFailed},
		{"meta sync", failAfter(syscall.EIO), routes.StoreFailed},
		{"panic", func(*bolt.Tx) error { panic("page") }, routes.StoreFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fault := &commitFault{}
			path := dbPath(t)
			s := mustOpen(t, path, Options{commit: fault.commit})
			mustAdd(t, s, 0, 3)
			before := s.Info()
			fault.fault = tt.fault
			wantReason(t, addOne(s, 3), tt.want)
			if fault.fault != nil {
				t.Fatal("the fault was not met")
			}
			info := s.Info()
			if info.Err == nil || info.Err.Reason != tt.want || info.Version != before.Version || info.Position() != before.Position() {
				t.Fatalf("info %+v", info)
			}
			// What was not acknowledged is not read, and reads go on.
			recs, _, err := s.List(context.Background(), store.Query{})
			if err != nil || len(recs) != 3 {
				t.Fatalf("%d records, %v", len(recs), err)
			}
			wantChecked(t, s)
			err = addOne(s, 4)
			if tt.want == routes.StoreFailed {
				wantReason(t, err, routes.StoreFailed)
				_, _, err = s.Compact(context.Background())
				wantReason(t, err, routes.StoreFailed)
				if _, err = s.Apply(context.Background(), store.Request{ValidateOnly: true, Items: adds(5, 1)}); err != nil {
					t.Fatal(err)
				}
			} else if err != nil || s.Info().Err != nil {
				t.Fatalf("%v, %+v", err, s.Info())
			}
			wantChecked(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, path, Options{})
			mustAdd(t, s, 9, 1)
			wantSound(t, s)
		})
	}
}

// TestUnsynced: bbolt shows a transaction as soon as its meta page is written;
// a reader gets it only once it is synced.
func TestUnsynced(t *testing.T) {
	fault := &commitFault{}
	s := mustOpen(t, dbPath(t), Options{commit: fault.commit})
	mustAdd(t, s, 0, 1)
	met := false
	fault.fault = func(tx *bolt.Tx) error {
		met = true
		err := tx.Commit()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if recs, _, rerr := s.List(ctx, store.Query{}); !errors.Is(rerr, context.DeadlineExceeded) {
			t.Errorf("read %d records, %v", len(recs), rerr)
		}
		return err
	}
	mustAdd(t, s, 1, 1)
	if recs, _, err := s.List(context.Background(), store.Query{}); err != nil || len(recs) != 2 || !met {
		t.Fatalf("%d records, %v, %v", len(recs), err, met)
	}
}

// wantChecked asks for the store's own check only: bbolt's compares with its
// free list, which is that of the transaction whose sync failed.
func wantChecked(t testing.TB, s *Store) {
	t.Helper()
	if report, err := s.Check(context.Background()); err != nil || len(report.Problems) > 0 {
		t.Error(err, report.Problems)
	}
}

// TestFullDiskReader: pages that an earlier reader holds are not written over
// after the file was opened again.
func TestFullDiskReader(t *testing.T) {
	fault := &commitFault{}
	s := mustOpen(t, dbPath(t), Options{commit: fault.commit})
	mustAdd(t, s, 0, 2000)
	n := 0
	v, err := s.Snapshot(context.Background(), false, func(rec routes.Record) error {
		if n == 0 {
			fault.fault = failBefore(syscall.ENOSPC)
			wantReason(t, addOne(s, 5000), routes.DiskFull)
			wantReason(t, addOne(s, 5001), routes.DiskFull)
			if _, _, err := s.List(context.Background(), store.Query{Limit: 10}); err != nil {
				t.Fatal(err)
			}
		}
		if rec.Route != numbered(n) {
			t.Fatalf("record %d is %s", n, rec.Route)
		}
		n++
		return nil
	})
	if err != nil || n != 2000 || v.Count != 2000 {
		t.Fatalf("%d records, %+v, %v", n, v, err)
	}
	<-s.retired.closed
	if err := addOne(s, 5002); err != nil {
		t.Fatal(err)
	}
	wantSound(t, s)
}
