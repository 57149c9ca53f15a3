package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	// maxBackups is how many may be under way: each may have a copy on the disk for
	// as long as its reader likes.
	maxBackups = 2
	// spare is what a copy leaves of the disk, in bytes, for the store to grow.
	spare = 4 * growth
)

// copyPath is the file of one of the copies that backups are streamed from. An operator
// would not choose that name: what is there at the start is removed.
func copyPath(path string, slot int) string { return fmt.Sprintf("%s.copy-for-backup.%d", path, slot) }

// places are those of as many backups.
func places() chan int {
	free := make(chan int, maxBackups)
	for slot := range maxBackups {
		free <- slot
	}
	return free
}

// Backup implements store.Store. What it writes is a store's file of its own. The
// transaction ends before w gets anything: while one reads, no page of its time is free again,
// and where bbolt has to map more of the file it waits for all that read. So w, which may be as
// slow as it likes, gets a copy beside the store.
func (s *Store) Backup(ctx context.Context, w io.Writer) (info store.Info, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	b, err := s.beginBackup()
	if err != nil {
		return info, err
	}
	defer s.endBackup(b)
	to := &cancelWriter{w: w, cancelled: ctx.Err}
	if refused := s.Info().Err; refused != nil && refused.Reason == routes.StoreFailed || b.taken {
		// There are no writes to hold up, and perhaps no folder to make a copy in.
		return s.copyOut(ctx, to)
	}
	file, err := s.makeCopy(b)
	if err != nil {
		return info, s.noCopy(err)
	}
	defer s.dropCopy(file, b.slot)
	onDisk := &cancelWriter{w: file, cancelled: ctx.Err}
	if info, err = s.copyOut(ctx, onDisk); err != nil {
		if onDisk.failed != nil && ctx.Err() == nil {
			err = s.noCopy(err)
		}
		return store.Info{}, err
	}
	if _, err = io.Copy(to, io.NewSectionReader(file, 0, info.Bytes)); err != nil && to.failed == nil {
		err = s.noCopy(err) // it is the copy that failed, not who reads it
	}
	return info, err
}

// backup is one under way.
type backup struct {
	slot  int
	size  uint64 // of the store, in bytes
	taken bool   // the store's file has been taken away
}

// beginBackup takes a place, and keeps Close waiting.
func (s *Store) beginBackup() (b backup, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return b, errClosed()
	}
	select {
	case slot := <-s.backups:
		s.closing.Add(1)
		return backup{slot: slot, size: uint64(s.h.size()), taken: s.h.taken(s.path) != nil}, nil
	default:
		return b, &routes.Error{
			Reason: routes.Unavailable, Field: "backup", Problem: fmt.Sprintf("%d backups are under way, and no more may be", maxBackups),
			Action: "Repeat it when one of them has ended",
		}
	}
}

func (s *Store) endBackup(b backup) {
	s.backups <- b.slot
	s.closing.Done()
}

// makeCopy makes an empty file for a copy, if that leaves enough room for the store.
func (s *Store) makeCopy(b backup) (*os.File, error) {
	// Where the room is not known, the copy itself shows it.
	if free, err := s.opts.free(s.path); err == nil && free < b.size+spare {
		return nil, &routes.Error{
			Reason: routes.DiskFull, Field: "backup",
			Problem: fmt.Sprintf("the copy that it is sent from takes %d bytes beside %s and has to leave %d, and %d are free", b.size, s.path, spare, free),
			Action:  "Free space on that disk and repeat it; the store is as it was, and writes go on",
		}
	}
	path := copyPath(s.path, b.slot)
	if err := removeTemp(path); err != nil {
		return nil, err
	}
	file, err := exclusive(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if canReplaceOpen {
		_ = os.Remove(path) // so that it ends with the process; dropCopy tries again
	}
	return file, nil
}

func (s *Store) dropCopy(file *os.File, slot int) {
	if err := errors.Join(file.Close(), removeTemp(copyPath(s.path, slot))); err != nil {
		s.opts.Log.Warn("the copy that a backup was sent from is left; the next start removes it", "path", copyPath(s.path, slot), "error", err)
	}
}

// noCopy says why there is no copy, or none that can be read. The store is none the worse.
func (s *Store) noCopy(cause error) error {
	var e *routes.Error
	switch {
	case errors.As(cause, &e):
		return e
	case outOfSpace(cause):
		return &routes.Error{
			Reason: routes.DiskFull, Field: "backup", Problem: fmt.Sprintf("the copy beside %s that it is sent from: %v", s.path, cause),
			Action: "Free space on that disk and repeat it; the store is as it was", Cause: cause,
		}
	}
	return &routes.Error{
		Reason: routes.Unavailable, Field: "backup", Problem: fmt.Sprintf("the copy beside %s that it is sent from: %v", s.path, cause),
		Action: "See that the service can write files in that folder, and repeat it", Cause: cause,
	}
}

// copyOut writes the store as it is now.
func (s *Store) copyOut(ctx context.Context, w *cancelWriter) (info store.Info, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		n, err := tx.WriteTo(w)
		info = store.Info{Version: st.version, Removing: st.removing, Path: s.path, Bytes: n}
		if w.failed != nil {
			return w.failed // bbolt keeps the text only
		}
		return err
	})
	return info, err
}

// cancelWriter ends a copy between two writes when its caller has gone.
type cancelWriter struct {
	w         io.Writer
	cancelled func() error
	failed    error // the first error
}

// Write implements io.Writer.
func (c *cancelWriter) Write(b []byte) (n int, err error) {
	if err = c.cancelled(); err == nil {
		n, err = c.w.Write(b)
	}
	if c.failed == nil {
		c.failed = err
	}
	return n, err
}
