package boltstore

import (
	"context"
	"errors"
	"os"

	bolt "go.etcd.io/bbolt"
)

// Compact implements store.Store. Reads go on; writes wait for it.
func (s *Store) Compact(ctx context.Context) (before, after int64, err error) {
	err = s.enqueue(ctx, &call{err: make(chan error, 1), alone: func() error {
		if err := s.refusal(); err != nil {
			return err
		}
		if err := s.h.taken(s.path); err != nil {
			return s.stop(err)
		}
		before, after, err = s.compact()
		if err != nil && outOfSpace(err) {
			return diskFull(s.path, err)
		}
		return err
	}})
	return before, after, err
}

// CompactFile is Compact for a file that no process has open. Root works with
// the rights of the folder's owner.
func CompactFile(path string) (before, after int64, err error) {
	err = asOwner(path, func() error {
		opts := Options{}.withDefaults()
		lock, err := lockStore(path, opts.LockWait)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
		s, err := open(path, opts)
		if err != nil {
			return err
		}
		before, after, err = s.compact()
		err = s.h.close(err)
		s.closing.Wait()
		return err
	})
	if err != nil {
		return 0, 0, openError(path, err)
	}
	return before, after, nil
}

// compactStep is how many bytes one transaction of a compaction copies.
const compactStep = 4 << 20

func (s *Store) compact() (before, after int64, err error) {
	temp := compactionPath(s.path)
	before = s.h.size()
	err = guard(func() error {
		// Nothing needs to be durable before the end: the last state is in place.
		opts := boltOptions(s.opts.LockWait)
		opts.NoSync, opts.NoGrowSync, opts.OpenFile = true, true, exclusive
		if err := removeTemp(temp); err != nil {
			return err
		}
		dst, err := bolt.Open(temp, 0o600, opts)
		if err != nil {
			return err
		}
		dst.AllocSize = growth
		return errors.Join(bolt.Compact(dst, s.h.db, compactStep), dst.Sync(), dst.Close())
	})
	if err == nil {
		err = verifyFile(temp)
	}
	if err == nil {
		err = like(temp, s.h.info)
	}
	if err == nil {
		err = s.replace(temp)
	}
	if err != nil {
		return 0, 0, errors.Join(err, removeTemp(temp))
	}
	after = s.h.size()
	s.log.resize(after)
	return before, after, nil
}

// replace puts a finished file in the place of the open one.
func (s *Store) replace(temp string) error {
	if !canReplaceOpen {
		return s.replaceClosed(temp)
	}
	h, err := openHandle(temp, s.opts.LockWait)
	if err != nil {
		return err
	}
	if err := install(temp, s.path); err != nil {
		if _, gone := os.Stat(temp); gone != nil {
			// Renamed, but perhaps not durably: which of the two files a crash
			// would leave is unknown, so nothing more may be acknowledged.
			s.exchange(h)
			return s.stop(err)
		}
		return h.close(err)
	}
	s.exchange(h)
	return nil
}

// replaceClosed is replace where an open file keeps its name: reads wait.
func (s *Store) replaceClosed(temp string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.h.close(nil); err != nil {
		return s.stop(err)
	}
	renamed := install(temp, s.path)
	h, err := openHandle(s.path, s.opts.LockWait)
	if err != nil {
		return s.stop(err)
	}
	s.h = h
	return renamed
}

func removeTemp(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
