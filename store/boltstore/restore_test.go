package boltstore

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func backupOf(t *testing.T, s *Store) string {
	t.Helper()
	var buf bytes.Buffer
	if _, err := s.Backup(context.Background(), &buf); err != nil {
		t.Fatal(err)
	}
	path := dbPath(t)
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRestore(t *testing.T) {
	ctx := context.Background()
	who := store.Caller{Actor: "root"}
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustAdd(t, s, 0, 10)
	backup := backupOf(t, s)
	mustAdd(t, s, 10, 10)
	mustAdd(t, s, 20, 10)
	if err := s.RaiseEpoch(ctx, 5, who); err != nil {
		t.Fatal(err)
	}
	present := s.Info().Version
	if _, err := Restore(ctx, backup, path, who); routes.ReasonOf(err) != routes.Unavailable {
		t.Fatalf("restored under a running store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := Restore(ctx, backup, path, who)
	if err != nil {
		t.Fatal(err)
	}
	v := done.Version
	s = mustOpen(t, path, Options{})
	if got := s.Info().Version; got != v || v.StoreID != present.StoreID || v.Epoch != 7 || v.Revision <= present.Revision || v.Count != 10 || !v.Newer(present) {
		t.Fatalf("restored %+v, was %+v", got, present)
	}
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 1})
	if err != nil || recs[0].Action != "restore" || recs[0].Caller != who {
		t.Fatalf("%+v %v", recs, err)
	}
	wantSound(t, s)
	if report, old, err := CheckFile(ctx, done.Kept); err != nil || len(report.Problems) > 0 || old != present {
		t.Fatalf("%+v %+v %v", report, old, err)
	}
}

// TestRestoreLost restores where there is no file, and over a damaged one.
func TestRestoreLost(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 10)
	backup := backupOf(t, s)
	for _, content := range []string{"", "garbage"} {
		path := dbPath(t)
		if content != "" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		done, err := Restore(ctx, backup, path, store.Caller{})
		if err != nil || done.Version.Epoch != 2 || (done.Kept != "") != (content != "") {
			t.Fatalf("%+v %v", done, err)
		}
		wantSound(t, mustOpen(t, path, Options{}))
	}
}

// TestRestoreTwice: the file that was there first is never lost.
func TestRestoreTwice(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 10)
	backup, path := backupOf(t, s), dbPath(t)
	if err := os.WriteFile(path, []byte("the original"), 0o640); err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for range 3 {
		done, err := Restore(ctx, backup, path, store.Caller{})
		if err != nil || kept[done.Kept] {
			t.Fatalf("%+v %v, kept before %v", done, err, kept)
		}
		kept[done.Kept] = true
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Fatalf("%v %v", info, err)
		}
	}
	if content, err := os.ReadFile(path + ".before-restore.1"); err != nil || string(content) != "the original" || !kept[path+".before-restore.1"] {
		t.Fatalf("%q %v, %v", content, err, kept)
	}
}

// TestRestoreKeepsAudit: a restore has no archive, so no record leaves by it.
func TestRestoreKeepsAudit(t *testing.T) {
	ctx := context.Background()
	up := time.Duration(0)
	const ages = 1000 * 24 * time.Hour
	s := mustOpen(t, dbPath(t), Options{AuditAge: 2 * ages, Uptime: func() (string, time.Duration) { return "boot", up }})
	mustAdd(t, s, 0, 1)
	mustAdd(t, s, 1, 1)
	up = ages
	mustAdd(t, s, 2, 1)
	path := dbPath(t)
	if _, err := Restore(ctx, backupOf(t, s), path, store.Caller{Actor: "root"}); err != nil {
		t.Fatal(err)
	}
	h, st, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close(nil)
	if st.audit.first != 1 {
		t.Errorf("the first record is %d", st.audit.first)
	}
}

// swapping is a context that calls swap when it is first asked, which is while
// a file is being checked.
type swapping struct {
	context.Context //nolint:containedctx // it is one
	once            sync.Once
	swap            func()
}

func (s *swapping) Err() error {
	s.once.Do(s.swap)
	return s.Context.Err()
}

// TestRestoreChecksWhatItPuts: a file that takes the backup's name during the
// check, or what is written over it then, does not get in unchecked.
func TestRestoreChecksWhatItPuts(t *testing.T) {
	first := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, first, 0, 10)
	second := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, second, 100, 20)
	mustAdd(t, second, 200, 20)
	damage := func(path string) {
		edit(t, path, func(tx *bolt.Tx) error {
			st, err := readState(tx)
			st.version.Count++
			return errors.Join(err, tx.Bucket([]byte(metaBucket)).Put([]byte(stateKey), st.sealed()))
		})
	}
	for name, swap := range map[string]func(backup, other string) error{
		"another": func(backup, other string) error { return os.Rename(other, backup) },
		"damaged": func(backup, other string) error { damage(other); return os.Rename(other, backup) },
	} {
		t.Run(name, func(t *testing.T) {
			backup, other, path := backupOf(t, first), backupOf(t, second), dbPath(t)
			ctx := &swapping{Context: context.Background()}
			swapped := false
			ctx.swap = func() {
				swapped = true
				if err := swap(backup, other); err != nil {
					t.Error(err)
				}
			}
			done, err := Restore(ctx, backup, path, store.Caller{})
			if !swapped {
				t.Fatal("nothing was swapped")
			}
			if err != nil {
				if _, err := os.Lstat(path); err == nil {
					t.Error("a refused backup was put in place")
				}
				return
			}
			report, got, err := CheckFile(context.Background(), path)
			if err != nil || len(report.Problems) > 0 || got != done.Version {
				t.Errorf("it is said to be %+v, but is %+v: %v %v", done.Version, got, report.Problems, err)
			}
		})
	}
	backup, path := backupOf(t, first), dbPath(t)
	damage(backup)
	if _, err := Restore(context.Background(), backup, path, store.Caller{}); routes.ReasonOf(err) != routes.StoreFailed || !strings.Contains(err.Error(), backup) {
		t.Errorf("a damaged backup: %v", err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 1 || len(left) == 1 && left[0] != lockPath(path) {
		t.Errorf("it left %v, %v", left, err)
	}
}
