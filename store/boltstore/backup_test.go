package boltstore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// stalling takes nothing until it is released.
type stalling struct {
	bytes.Buffer
	begun, released chan struct{}
	once            sync.Once
}

func newStalling() *stalling {
	return &stalling{begun: make(chan struct{}), released: make(chan struct{})}
}

func (s *stalling) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.released
	return s.Buffer.Write(p)
}

// stall begins a backup whose reader stalls; end lets it go on.
func stall(t *testing.T, ctx context.Context, s *Store) (w *stalling, end func() (store.Info, error)) {
	t.Helper()
	w = newStalling()
	done := make(chan error, 1)
	var info store.Info
	go func() {
		var err error
		info, err = s.Backup(ctx, w)
		done <- err
	}()
	select {
	case <-w.begun:
	case err := <-done:
		t.Fatalf("the backup ended before it began: %v", err)
	}
	end = sync.OnceValues(func() (store.Info, error) {
		close(w.released)
		err := <-done
		return info, err
	})
	t.Cleanup(func() { _, _ = end() })
	return w, end
}

// churn changes 10,000 routes again and again, so that pages become free and are needed.
func churn(t *testing.T, s *Store) {
	t.Helper()
	for n := range 8 {
		items := adds(0, 10_000)
		for i, it := range items {
			k := it.Route.Key()
			items[i] = store.Item{Op: store.OpSet, Selector: routes.Selector{Interface: k.Interface, Destination: k.Destination, NextHop: k.NextHop}, Change: routes.Change{Metric: uint32(300 + n)}}
		}
		if _, err := s.Apply(context.Background(), asking(items...)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAStalledBackupHoldsUpNothing: writes go on, the file does not grow for it, and what
// the reader gets in the end is the store of when it began.
func TestAStalledBackupHoldsUpNothing(t *testing.T) {
	alone := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, alone, 0, 10_000)
	churn(t, alone)
	want := alone.h.size()

	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustAdd(t, s, 0, 10_000)
	before := s.Info().Version
	w, end := stall(t, t.Context(), s)
	churn(t, s)
	if got := s.h.size(); got > want+growth {
		t.Errorf("the file has %d bytes; without a backup it had %d", got, want)
	}
	info, err := end()
	if err != nil || info.Version != before || info.Bytes != int64(w.Len()) {
		t.Fatalf("%+v, %v; the store was %+v and %d bytes came", info, err, before, w.Len())
	}
	saved := dbPath(t)
	if err := os.WriteFile(saved, w.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, saved, Options{})
	if again.Info().Version != before {
		t.Errorf("the backup holds %+v, want %+v", again.Info().Version, before)
	}
	wantSound(t, again)
	wantSound(t, s)
	wantNoCopy(t, path)
}

// wantNoCopy wants the store's folder to have the store and its lock only.
func wantNoCopy(t *testing.T, path string) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil || !slices.Equal(names, []string{path, lockPath(path)}) {
		t.Errorf("in the folder are %v, %v", names, err)
	}
}

// TestBackupsAtATime are few: readers that stall must not fill the disk with copies.
func TestBackupsAtATime(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustAdd(t, s, 0, 10)
	ends := make([]func() (store.Info, error), maxBackups)
	for i := range ends {
		_, ends[i] = stall(t, t.Context(), s)
	}
	_, err := s.Backup(t.Context(), new(bytes.Buffer))
	wantReason(t, err, routes.Unavailable)
	if e := routes.AsError(err, ""); e.Field != "backup" || !strings.Contains(e.Action, "ended") {
		t.Errorf("one too many: %v", err)
	}
	for _, end := range ends {
		if _, err := end(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Backup(t.Context(), new(bytes.Buffer)); err != nil {
		t.Errorf("after the others: %v", err)
	}
	wantNoCopy(t, path)
}

// failing fails at its first byte.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestABackupThatEndsEarlyLeavesNothing, whoever ends it.
func TestABackupThatEndsEarlyLeavesNothing(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustAdd(t, s, 0, 10_000)
	ctx, cancel := context.WithCancel(t.Context())
	w, end := stall(t, ctx, s)
	cancel()
	if _, err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if whole := s.Info().Bytes; int64(w.Len()) >= whole {
		t.Errorf("%d of %d bytes were sent to somebody who had gone", w.Len(), whole)
	}
	gone := errors.New("the reader is gone")
	if _, err := s.Backup(t.Context(), failing{gone}); !errors.Is(err, gone) {
		t.Errorf("a reader that fails: %v", err)
	}
	wantNoCopy(t, path)
	for range maxBackups + 1 { // their places are free again
		if _, err := s.Backup(t.Context(), new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
	}
	mustAdd(t, s, 10_000, 1)
}

// TestCopiesOfACrashAreRemoved at the next start, and nothing else.
func TestCopiesOfACrashAreRemoved(t *testing.T) {
	path := dbPath(t)
	if err := mustOpenOnce(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	others := []string{path + ".backup", path + ".1", path + ".before-restore.1"}
	for _, name := range others {
		if err := os.WriteFile(name, []byte("the operator's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxBackups {
		if err := os.WriteFile(copyPath(path, n), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpen(t, path, Options{})
	for n := range maxBackups {
		if _, err := os.Lstat(copyPath(path, n)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("copy %d is left: %v", n, err)
		}
	}
	for _, name := range others {
		if _, err := os.Lstat(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Backup(t.Context(), new(bytes.Buffer)); err != nil {
		t.Error(err)
	}
}

func mustOpenOnce(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestABackupWithoutRoom is refused before it takes the last of it from the store.
func TestABackupWithoutRoom(t *testing.T) {
	asked, room := 0, uint64(0)
	path := dbPath(t)
	s := mustOpen(t, path, Options{free: func(beside string) (uint64, error) {
		if beside != path {
			t.Errorf("asked for the disk of %s", beside)
		}
		asked++
		return room, nil
	}})
	mustAdd(t, s, 0, 10)
	for _, room = range []uint64{0, uint64(s.Info().Bytes), uint64(s.Info().Bytes) + spare - 1} {
		var w bytes.Buffer
		_, err := s.Backup(t.Context(), &w)
		wantReason(t, err, routes.DiskFull)
		if e := routes.AsError(err, ""); e.Field != "backup" || !strings.Contains(e.Action, "writes go on") || w.Len() > 0 {
			t.Errorf("with %d bytes free: %v, %d bytes sent", room, err, w.Len())
		}
	}
	mustAdd(t, s, 10, 1)
	room = uint64(s.h.size()) + spare
	if _, err := s.Backup(t.Context(), new(bytes.Buffer)); err != nil {
		t.Errorf("with enough room: %v", err)
	}
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
}

// TestABackupOfAStoreWithoutAFolder: what has lost its place is saved without it.
func TestABackupOfAStoreWithoutAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := mustOpen(t, filepath.Join(dir, "hcsroute.db"), Options{})
	mustAdd(t, s, 0, 10)
	before := s.Info().Version
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var w bytes.Buffer
	if _, err := s.Backup(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	saved := dbPath(t)
	if err := os.WriteFile(saved, w.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := mustOpen(t, saved, Options{}); again.Info().Version != before {
		t.Errorf("the backup holds %+v, want %+v", again.Info().Version, before)
	}
}
