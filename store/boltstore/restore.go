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

// Restored says what a restore did.
type Restored struct {
	Version routes.Version // of the store now
	Kept    string         // the previous file; empty where there was none
}

// Restore puts a backup in the place of the store at path, which no service
// may have open. Its copy is checked in full before it gets there. It keeps its
// store id; its epoch becomes later than its own and than the present file's, and
// its revision as well, so that nothing is mistaken for what came before. The
// present file is kept beside under a name of its own, and the new one has its
// owner and mode. Root works with the rights of the folder's owner.
func Restore(ctx context.Context, backup, path string, who store.Caller) (Restored, error) {
	var done Restored
	// bbolt's lock keeps a program away that has the backup open as its store.
	src, _, err := openFile(backup)
	if err != nil {
		return done, backupError(backup, err)
	}
	defer func() { _ = src.close(nil) }()
	err = asOwner(path, func() error {
		lock, err := lockStore(path, Options{}.withDefaults().LockWait)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
		r := restoring{backup: backup, src: src.file, path: path, temp: restorePath(path), who: who}
		if done, err = r.run(ctx); err != nil {
			_ = removeTemp(r.temp)
		}
		return err
	})
	switch cause := ctx.Err(); {
	case err == nil:
		return done, nil
	case cause != nil && errors.Is(err, cause):
		return Restored{}, err
	}
	return Restored{}, openError(path, err)
}

// backupError is why a backup cannot be read; the store is as it was.
func backupError(path string, err error) error {
	err = openError(path, err)
	var e *routes.Error
	if errors.As(err, &e) && e.Reason == routes.StoreFailed {
		e.Field, e.Action = "backup", "Give a file that 'hcsroute backup' has written; nothing was changed"
	}
	return err
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

// restoring is a restore under way: backup is copied from src to temp, and that
// to path.
type restoring struct {
	backup     string
	src        io.Reader
	path, temp string
	who        store.Caller
}

func (r restoring) run(ctx context.Context) (done Restored, err error) {
	if err := removeTemp(r.temp); err != nil {
		return done, err
	}
	old, err := present(r.path)
	if err != nil {
		return done, err
	}
	if err := copyTo(r.src, r.temp); err != nil {
		return done, err
	}
	// Others may write to the backup, or replace it, at any time: only the copy is
	// certain to be what takes the place of the store.
	version, err := r.check(ctx)
	if err != nil {
		return done, err
	}
	if done.Version, err = after(r.path, version); err != nil {
		return done, failed(r.backup, err)
	}
	if err := raise(r.temp, done.Version, r.who); err != nil {
		return done, err
	}
	if err := like(r.temp, old); err != nil {
		return done, err
	}
	if done.Kept, err = keepAside(r.path); err != nil {
		return done, err
	}
	return done, install(r.temp, r.path)
}

// check checks the copy. What is wrong with it is wrong with the backup.
func (r restoring) check(ctx context.Context) (routes.Version, error) {
	report, version, err := checkFile(ctx, r.temp)
	switch {
	case ctx.Err() != nil:
		return version, ctx.Err()
	case err != nil:
		return version, openError(r.backup, err)
	case len(report.Problems) > 0:
		return version, failed(r.backup, damaged("the backup is not whole: %s", strings.Join(report.Problems, "; ")))
	}
	return version, nil
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
