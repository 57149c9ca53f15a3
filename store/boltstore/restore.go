package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Restored tells what a restore did.
type Restored struct {
	Version routes.Version // of the store now
	Kept    string         // the file of before; empty where there was none
}

// Restore puts a backup in the place of the store at path, which no service
// may have open. The backup is checked in full first. It keeps its store id;
// its epoch becomes later than its own and than the present file's, and its
// revision as well, so that nothing is mistaken for what came before. The
// present file is kept beside under a name of its own, and the new one has its
// owner and mode. Root works with the rights of the folder's owner.
func Restore(ctx context.Context, backup, path string, who store.Caller) (Restored, error) {
	var done Restored
	report, version, err := CheckFile(ctx, backup)
	if err != nil {
		return done, err
	}
	if len(report.Problems) > 0 {
		return done, failed(backup, damaged("the backup is not whole: %s", strings.Join(report.Problems, "; ")))
	}
	src, err := os.Open(backup)
	if err != nil {
		return done, openError(backup, err)
	}
	defer func() { _ = src.Close() }()
	err = asOwner(path, func() error {
		lock, err := lockStore(path, Options{}.withDefaults().LockWait)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
		if version, err = after(path, version); err != nil {
			return failed(backup, err)
		}
		if done.Kept, err = restore(src, path, version, who); err != nil {
			_ = removeTemp(restorePath(path))
		}
		return err
	})
	if err != nil {
		return Restored{}, openError(path, err)
	}
	done.Version = version
	return done, nil
}

// after is an epoch and a revision later than the backup's and, where it can
// be read, the present file's.
func after(path string, v routes.Version) (routes.Version, error) {
	past := v.Epoch
	if h, st, err := openFile(path); err == nil {
		_ = h.close(nil)
		past, v.Revision = max(past, st.version.Epoch), max(v.Revision, st.version.Revision)
	}
	return raised(v, past)
}

func restore(backup io.Reader, path string, v routes.Version, who store.Caller) (kept string, err error) {
	temp := restorePath(path)
	if err := removeTemp(temp); err != nil {
		return "", err
	}
	old, err := present(path)
	if err != nil {
		return "", err
	}
	if err := copyTo(backup, temp); err != nil {
		return "", err
	}
	if err := raise(temp, v, who); err != nil {
		return "", err
	}
	if err := like(temp, old); err != nil {
		return "", err
	}
	if kept, err = keepAside(path); err != nil {
		return "", err
	}
	return kept, install(temp, path)
}

func copyTo(from io.Reader, to string) error {
	dst, err := exclusive(to, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, from)
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
			from, err := readSchema(tx)
			if err == nil {
				err = migrate(tx, from)
			}
			if err != nil {
				return err
			}
			g, err := newGroup(tx, opts.now(), opts.limits(), &keeper{})
			if err != nil {
				return err
			}
			note := fmt.Sprintf("epoch %d and revision %d, the backup had %d and %d", v.Epoch, v.Revision, g.st.version.Epoch, g.st.version.Revision)
			g.st.version.Epoch, g.st.version.Revision = v.Epoch, v.Revision
			// What nodes hold of the time before is superseded: the operator says so.
			if g.lineage, err = newLineage(v.Revision, true); err != nil {
				return err
			}
			g.audit(store.AuditRecord{Caller: who, Action: "restore", Note: note})
			return g.finish()
		})
	}))
}
