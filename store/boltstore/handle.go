package boltstore

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	// mapSize is how much of the file is mapped at first, in bytes. bbolt waits
	// for every reader when it maps more, so a long read would stop the
	// writer; address space costs nothing on a 64-bit system.
	mapSize = 1 << 30
	// growth is by how much the file grows, in bytes (bbolt's own is 16 MiB).
	growth = 4 << 20
)

// handle is one opening of the file. A store changes its handle when it is
// compacted, and when the disk was full.
type handle struct {
	db   *bolt.DB
	file *os.File    // bbolt's own, for what bbolt does not offer
	info os.FileInfo // of file: reports whether its name still leads to it
	// committed is the id of the last transaction that is known to be durable.
	// Reads that see a later one must wait.
	committed atomic.Int64
	once      sync.Once
	closed    chan struct{}
}

func boltOptions(timeout time.Duration) *bolt.Options {
	o := &bolt.Options{
		Timeout: timeout, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true,
	}
	// On Windows the file would take that size on the disk.
	if runtime.GOOS != "windows" && ^uint(0)>>63 == 1 {
		o.InitialMmapSize = mapSize
	}
	return o
}

// openHandle opens the file at path, which must have passed verifyFile.
func openHandle(path string, timeout time.Duration) (*handle, error) {
	h := &handle{closed: make(chan struct{})}
	opts := boltOptions(timeout)
	opts.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		// bbolt would create what is missing, an empty store in place of the lost one.
		f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
		h.file = f
		return f, err
	}
	err := guard(func() (err error) {
		h.db, err = bolt.Open(path, 0o600, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.db.AllocSize = growth
	if h.info, err = h.file.Stat(); err != nil {
		return nil, h.close(err)
	}
	err = guard(func() error {
		return h.db.View(func(tx *bolt.Tx) error { h.committed.Store(int64(tx.ID())); return nil })
	})
	if err != nil {
		return nil, h.close(err)
	}
	return h, nil
}

// size is the file's size in bytes; 0 where the system does not give it.
func (h *handle) size() int64 {
	info, err := h.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// close ends the handle after its last reader and passes on err, or its own.
// A store whose new file could not be opened closes the old one twice.
func (h *handle) close(err error) error {
	h.once.Do(func() {
		defer close(h.closed)
		err = first(err, guard(h.db.Close))
	})
	return err
}
