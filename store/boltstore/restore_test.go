package boltstore

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

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
