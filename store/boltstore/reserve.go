package boltstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Reservation is a store that no other process can open, and that is not there yet, or
// is as it was: whoever has it can still give up and leave nothing behind.
type Reservation struct {
	path string
	opts Options
	lock *os.File // nil: Open has passed it on, or Close was called
}

// Reserve keeps the store at path for this process. Its errors are *routes.Error:
// UNAVAILABLE where another instance has the store.
func Reserve(path string, opts Options) (*Reservation, error) {
	opts = opts.withDefaults()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, err)
	}
	lock, err := lockStore(path, opts.LockWait)
	if err != nil {
		return nil, err
	}
	return &Reservation{path: path, opts: opts, lock: lock}, nil
}

// Open opens the store and makes it where there is none. What it finds is verified: the
// structure of the file, every record, count and digest. Its errors are *routes.Error:
// STORE_FAILED where the file is damaged, of a newer version or cannot be written,
// DISK_FULL. A file that is refused is left as it is. The store ends the
// reservation when it is closed. Open is called once.
func (r *Reservation) Open() (*Store, error) {
	s, err := open(r.path, r.opts)
	if err != nil {
		return nil, openError(r.path, err)
	}
	s.lock, r.lock = r.lock, nil
	if r.opts.Archive != nil {
		s.startArchiver()
	}
	go s.write()
	return s, nil
}

// Close gives up a store that was not opened. Where there is none, it takes the file of
// the lock away.
func (r *Reservation) Close() error {
	if r.lock == nil {
		return nil
	}
	lock := r.lock
	r.lock = nil
	if _, err := os.Lstat(r.path); errors.Is(err, fs.ErrNotExist) {
		return dropLock(lock, r.path)
	}
	return lock.Close()
}
