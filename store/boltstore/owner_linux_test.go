package boltstore

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestPlantedLinks: a link in the store's folder leads nowhere.
func TestPlantedLinks(t *testing.T) {
	ctx := context.Background()
	for _, plant := range []string{".lock", ".restore", ".new", ".compact", ""} {
		for name, link := range map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link} {
			if name == "hard" && plant == "" {
				continue // that is the file itself, under two names
			}
			t.Run(name+plant, func(t *testing.T) {
				s := mustOpen(t, dbPath(t), Options{})
				mustAdd(t, s, 0, 10)
				backup, path := backupOf(t, s), dbPath(t)
				target := filepath.Join(t.TempDir(), "target")
				if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := link(target, path+plant); err != nil {
					t.Fatal(err)
				}
				_, restored := Restore(ctx, backup, path, store.Caller{})
				opened, err := Open(path, Options{})
				if err == nil {
					_, _, err = opened.Compact(ctx)
					if cerr := opened.Close(); cerr != nil {
						t.Error(cerr)
					}
				}
				if plant == ".lock" || plant == "" {
					if restored == nil || plant == ".lock" && err == nil {
						t.Errorf("the link was taken: restore %v, open %v", restored, err)
					}
				} else if restored != nil || err != nil {
					t.Errorf("restore %v, open and compact %v", restored, err)
				}
				if content, err := os.ReadFile(target); err != nil || string(content) != "precious" {
					t.Fatalf("the target holds %d bytes, %v", len(content), err)
				}
			})
		}
	}
}

// TestRestoreAsRoot: root leaves the files with their owner, and does for that
// owner nothing that it could not do itself.
func TestRestoreAsRoot(t *testing.T) {
	if os.Getuid() != 0 || privilege.Alone() {
		t.Skip("only root can work for another uid")
	}
	const uid, gid = 4242, 4343
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 10)
	backup := backupOf(t, s)
	// The way to it is open to all: a test's own folder is not.
	top, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	dir := filepath.Join(top, "store")
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "hcsroute.db")
	for range 2 {
		if _, err := Restore(ctx, backup, path, store.Caller{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := CompactFile(path); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != uid || st.Gid != gid {
			t.Errorf("%s belongs to %d:%d", f.Name(), st.Uid, st.Gid)
		}
	}
	// Root itself is as it was.
	if err := os.WriteFile(filepath.Join(top, "own"), nil, 0o600); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func() error{
		"another's file": func() error { return os.Chown(path, uid+1, gid) },
		"open to all":    func() error { _ = os.Chown(path, uid, gid); return os.Chmod(dir, 0o777) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(ctx, backup, path, store.Caller{}); routes.ReasonOf(err) != routes.PermissionDenied {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCompactFile compacts what no service has open, and refuses what one has.
func TestCompactFile(t *testing.T) {
	path := dbPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, 0, 5000)
	if _, _, err := CompactFile(path); routes.ReasonOf(err) != routes.Unavailable {
		t.Errorf("under a running store: %v", err)
	}
	want := s.Info().Version
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	before, after, err := CompactFile(path)
	if err != nil || after >= before {
		t.Fatalf("%d bytes before, %d after, %v", before, after, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != after || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	s = mustOpen(t, path, Options{LockWait: time.Minute})
	if s.Info().Version != want {
		t.Errorf("%+v, was %+v", s.Info().Version, want)
	}
	wantSound(t, s)
}
