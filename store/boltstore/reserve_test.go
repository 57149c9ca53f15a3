package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// TestAReservationLeavesNothing of a store that was never opened, and keeps others out
// meanwhile.
func TestAReservationLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	path := filepath.Join(dir, "hcsroute.db")
	r, err := Reserve(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var refused *routes.Error
	if _, err := Open(path, Options{LockWait: time.Millisecond}); !errors.As(err, &refused) || refused.Reason != routes.Unavailable || refused.Params["holder"] == "" {
		t.Errorf("another one: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if r, err = Reserve(path, Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // the store has the lock by now
		t.Error(err)
	}
	if _, err := Reserve(path, Options{LockWait: time.Millisecond}); err == nil {
		t.Error("an open store can be reserved")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if r, err = Reserve(path, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(lockPath(path)); err != nil {
		t.Errorf("the lock of a store that exists: %v", err)
	}
}

// TestReservationsExcludeEachOther, although each takes the lock's file away with it.
func TestReservationsExcludeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hcsroute.db")
	var one sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 40 {
				r, err := Reserve(path, Options{LockWait: time.Minute})
				if err != nil {
					t.Error(err)
					return
				}
				if !one.TryLock() {
					t.Error("two have it at a time")
				} else {
					runtime.Gosched() // so that others try meanwhile
					one.Unlock()
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
