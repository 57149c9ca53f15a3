package boltstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestPlantedFolder: root follows no link that another user has put on the way
// to the store's folder, or may put there, and makes a folder that is missing as
// that user.
func TestPlantedFolder(t *testing.T) {
	if os.Getuid() != 0 || privilege.Alone() {
		t.Skip("only root can work for another uid")
	}
	const uid = 4242
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 10)
	backup := backupOf(t, s)
	top, err := os.MkdirTemp("", "hcs") // the way to it is open to all
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	in := func(parts ...string) string { return filepath.Join(append([]string{top}, parts...)...) }
	if err := errors.Join(
		os.Chmod(top, 0o755),
		os.Mkdir(in("state"), 0o700), os.Chown(in("state"), uid, uid),
		os.Mkdir(in("roots"), 0o755), os.WriteFile(in("roots", "h.db"), []byte("precious"), 0o600),
		os.Symlink(in("roots"), in("state", "db")),
		// Root's own links count for what they lead to, by names and by parents.
		os.Mkdir(in("links"), 0o755), os.Symlink("../state", in("links", "up")), os.Symlink(in("links"), in("short")),
		os.Symlink("round", in("round")),
		os.Mkdir(in("open"), 0o755), os.Chmod(in("open"), 0o777|os.ModeSticky),
	); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{in("state", "db"), in("short", "up", "db"), in("open", "new"), in("round")} {
		_, restored := Restore(ctx, backup, filepath.Join(folder, "h.db"), store.Caller{})
		_, _, compacted := CompactFile(filepath.Join(folder, "h.db"))
		if restored == nil || compacted == nil {
			t.Errorf("%s was taken: restore %v, compact %v", folder, restored, compacted)
		}
	}
	if list, err := os.ReadDir(in("roots")); err != nil || len(list) != 1 {
		t.Errorf("root's folder holds %v %v", list, err)
	}
	if err := os.Chmod(in("open"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("open", "roots"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(ctx, backup, in("open", "roots", "h.db"), store.Caller{}); routes.ReasonOf(err) != routes.PermissionDenied {
		t.Errorf("where everybody could put a link: %v", err)
	}
	for path, owner := range map[string]uint32{in("short", "up", "new", "h.db"): uid, in("roots", "new", "h.db"): 0} {
		if _, err := Restore(ctx, backup, path, store.Caller{}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, filepath.Dir(path)} {
			if info, err := os.Stat(name); err != nil || info.Sys().(*syscall.Stat_t).Uid != owner {
				t.Errorf("%s: %+v %v", name, info, err)
			}
		}
	}
}
