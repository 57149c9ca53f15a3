package boltstore

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
)

// commitFailed decides what a failed commit means. A full disk before the meta
// page was written leaves the last state as it is: the file is opened again and
// the next write tries again. Anything else ends writing in this process:
// after a failed sync nobody knows what the disk holds, and bbolt would go on.
func (s *Store) commitFailed(cause error) *routes.Error {
	defer s.commitDecided()
	visible, err := s.h.sees(s.h.committed.Load() + 1)
	if outOfSpace(cause) && err == nil && !visible {
		full := diskFull(s.path, cause)
		if s.Info().Err == nil { // else it was said: writers try again and again
			s.opts.Log.Error("the disk is full; writes are refused until there is room", "path", s.path, "error", cause)
		}
		s.log.refuse(full)
		if err := s.reopen(); err != nil {
			return s.stop(fmt.Errorf("after a full disk: %w", err))
		}
		return full
	}
	if visible {
		if err := s.h.hideMeta(); err != nil {
			cause = fmt.Errorf("%w; and %w", cause, err)
		}
	}
	return s.stop(cause)
}

// stop ends all writing in this process.
func (s *Store) stop(cause error) *routes.Error {
	if s.stopped == nil {
		s.stopped = asFailure(s.path, cause)
		s.opts.Log.Error("the store takes no more writes", "path", s.path, "error", cause)
		s.log.refuse(s.stopped)
	}
	return s.stopped
}

// sees reports whether a new reader would see transaction id or a later one.
func (h *handle) sees(id int64) (visible bool, err error) {
	err = h.view(func(tx *bolt.Tx) error {
		visible = int64(tx.ID()) >= id
		return nil
	})
	return visible, err
}

// hideMeta inverts the checksum in the meta page of a transaction that was
// written but not synced, so that readers fall back to the page before: what
// was never acknowledged is never read. bbolt keeps transaction n in meta page n%2.
func (h *handle) hideMeta() error {
	slot := (h.committed.Load() + 1) % 2
	at := slot*int64(h.db.Info().PageSize) + pageHeader + metaSize - checksumSize
	var sum [checksumSize]byte
	_, err := h.file.ReadAt(sum[:], at)
	invert(sum[:])
	if err == nil {
		_, err = h.file.WriteAt(sum[:], at)
	}
	if err != nil {
		return fmt.Errorf("the unsynced state could not be hidden: %w", err)
	}
	return nil
}

// reopen opens the file again and verifies it. Readers of the old handle finish
// there; new ones use the new handle. Since that one does not know which pages
// the old readers hold, no write may happen before they are gone (refusal).
func (s *Store) reopen() error {
	if !unlock(s.h.file) {
		// bbolt itself has taken the transaction back.
		return nil
	}
	if err := verifyFile(s.path); err != nil {
		return err
	}
	h, err := openHandle(s.path, s.opts.LockWait)
	if err != nil {
		return err
	}
	err = h.view(func(tx *bolt.Tx) error {
		st, err := readState(tx)
		if want := s.Info().Version; err == nil && st.version != want {
			err = damaged("it is at revision %d, not %d", st.version.Revision, want.Revision)
		}
		if err == nil {
			err = verifyContent(tx, st)
		}
		return err
	})
	if err != nil {
		return h.close(err)
	}
	s.retired = s.h
	s.exchange(h)
	return nil
}

// exchange makes h the handle and closes the old one after its last reader.
func (s *Store) exchange(h *handle) {
	s.mu.Lock()
	old := s.h
	s.h = h
	s.mu.Unlock()
	s.closing.Go(func() {
		if err := old.close(nil); err != nil {
			s.opts.Log.Warn("the old file was not closed cleanly", "path", s.path, "error", err)
		}
	})
}
