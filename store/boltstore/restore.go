package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Restore puts a backup in the place of the store at path, which no service
// may have open. The backup is checked in full first. It keeps its store id;
// its epoch becomes later than its own and than the present file's, and its
// revision as well, so that nothing is mistaken for what came before. The
// present file is kept beside as path.before-restore.
func Restore(ctx context.Context, backup, path string, who store.Caller) (routes.Version, error) {
	report, version, err := CheckFile(ctx, backup)
	if err != nil {
		return routes.Version{}, err
	}
	if len(report.Problems) > 0 {
		return routes.Version{}, failed(backup, damaged("the backup is not whole: %s", strings.Join(report.Problems, "; ")))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return routes.Version{}, openError(path, err)
	}
	lock, err := lockStore(path, Options{}.withDefaults().LockWait)
	if err != nil {
		return routes.Version{}, err
	}
	defer func() { _ = lock.Close() }()
	version.Epoch, version.Revision = after(path, version)
	if err := restore(backup, path, version, who); err != nil {
		_ = removeTemp(restorePath(path))
		return routes.Version{}, openError(path, err)
	}
	return version, nil
}

// after is an epoch and a revision later than the backup's and, where it can
// be read, the present file's.
func after(path string, v routes.Version) (uint64, routes.Revision) {
	epoch, revision := v.Epoch, v.Revision
	if h, st, err := openFile(path); err == nil {
		_ = h.close(nil)
		epoch, revision = max(epoch, st.version.Epoch), max(revision, st.version.Revision)
	}
	return epoch + 1, revision + 1
}

func restore(backup, path string, v routes.Version, who store.Caller) error {
	temp := restorePath(path)
	if err := copyFile(backup, temp); err != nil {
		return err
	}
	if err := raise(temp, v, who); err != nil {
		return err
	}
	aside := path + ".before-restore"
	if err := removeTemp(aside); err != nil {
		return err
	}
	if err := os.Link(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the present file cannot be kept: %w", err)
	}
	return install(temp, path)
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// raise sets epoch and revision of the copy and audits the restore in it.
func raise(path string, v routes.Version, who store.Caller) error {
	if err := verifyFile(path); err != nil {
		return err
	}
	opts := Options{}.withDefaults()
	h, err := openHandle(path, opts.LockWait)
	if err != nil {
		return err
	}
	return h.close(guard(func() error {
		return h.db.Update(func(tx *bolt.Tx) error {
			g, err := newGroup(tx, opts.now(), opts.limits(), &keeper{})
			if err != nil {
				return err
			}
			note := fmt.Sprintf("epoch %d and revision %d, the backup had %d and %d", v.Epoch, v.Revision, g.st.version.Epoch, g.st.version.Revision)
			g.st.version.Epoch, g.st.version.Revision = v.Epoch, v.Revision
			g.audit(store.AuditRecord{Caller: who, Action: "restore", Note: note})
			return g.finish()
		})
	}))
}
