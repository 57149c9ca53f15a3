package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/hcsroute/hcsroute/internal/diskspace"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Options of a store. Zero fields take the defaults.
type Options struct {
	// EventChanges is how many changes the event log keeps in memory; 65,536.
	// The newest request's are kept in any case.
	EventChanges int
	// AuditAge is how long audit records are kept; 90 days.
	AuditAge time.Duration
	// AuditBytes is how many bytes of audit records are kept; 64 MiB.
	AuditBytes uint64
	// AuditLeast is how old a record is at least when it leaves because there
	// are too many; 24 h. Until then an actor who fills the audit is refused.
	AuditLeast time.Duration
	// Archive takes audit records before they leave the store; with an error
	// they stay. It is called beside everything else, and after a crash perhaps
	// again with what it has taken. Nil: they just leave.
	Archive func([]store.AuditRecord) error
	// LockWait is how long to wait for another instance to end; 1 s.
	LockWait time.Duration
	// Now is the clock for times that are stored; time.Now.
	Now func() time.Time
	// Uptime returns which boot of the device this is and how long ago it was: it,
	// and not Now, measures how long things are kept. Default: the system's.
	Uptime func() (boot string, up time.Duration)
	// Log takes what an operator should know; nothing when nil.
	Log *slog.Logger

	// look is how often the file is looked at while nobody writes; 10 s.
	look time.Duration
	// free stands in for what the disk of a file still takes, in bytes.
	free func(path string) (uint64, error)
	// commit stands in for the commit of a bolt transaction in tests that
	// inject faults there.
	commit func(*bolt.Tx) error
}

func (o Options) withDefaults() Options {
	if o.EventChanges == 0 {
		o.EventChanges = 1 << 16
	}
	if o.AuditAge == 0 {
		o.AuditAge = 90 * 24 * time.Hour
	}
	if o.AuditBytes == 0 {
		o.AuditBytes = 64 << 20
	}
	if o.LockWait == 0 {
		o.LockWait = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AuditLeast == 0 {
		o.AuditLeast = 24 * time.Hour
	}
	if o.Uptime == nil {
		o.Uptime = uptime()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.look == 0 {
		o.look = 10 * time.Second
	}
	if o.free == nil {
		o.free = diskspace.Free
	}
	if o.commit == nil {
		o.commit = (*bolt.Tx).Commit
	}
	return o
}

// Store is a store.Store in one file.
type Store struct {
	path   string
	opts   Options
	limits limits
	keep   *keeper // the writer's own
	lock   *os.File
	log    *eventLog
	queue  queue
	done   chan struct{} // the writer has ended
	leave  func()        // ends the archiver and waits for it; nil: there is none

	mu      sync.RWMutex // held while a transaction begins or the handle changes
	h       *handle
	retired *handle // from before a full disk; its readers must end before a write
	closed  bool
	closing sync.WaitGroup
	backups chan int                      // the places that are free
	decided atomic.Pointer[chan struct{}] // closed after each commit, or failed commit
	stopped *routes.Error                 // STORE_FAILED; the writer's own
	secret  secret
	wrote   bool // this process has; the writer's own
}

var _ store.Store = (*Store)(nil)

// Open opens the store at path, which Reserve keeps for it.
func Open(path string, opts Options) (*Store, error) {
	r, err := Reserve(path, opts)
	if err != nil {
		return nil, err
	}
	s, err := r.Open()
	if err != nil {
		return nil, first(err, r.Close())
	}
	return s, nil
}

func open(path string, opts Options) (*Store, error) {
	temps := []string{creationPath(path), compactionPath(path), restorePath(path)}
	for slot := range maxBackups {
		temps = append(temps, copyPath(path, slot))
	}
	for _, temp := range temps {
		if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			_ = os.Remove(creationPath(path))
			return nil, err
		}
		opts.Log.Info("created a store", "path", path)
	}
	if err := verifyFile(path); err != nil {
		return nil, err
	}
	h, err := openHandle(path, opts.LockWait)
	if err != nil {
		return nil, err
	}
	info := store.Info{Path: path}
	if err := invalidMeta(h.file, int64(h.db.Info().PageSize)); err != nil {
		info.Opened = "when the service opened it, " + err.Error()
		opts.Log.Error("the store may have lost its newest change", "path", path, "problem", err, "remedy", remedyOpened)
	}
	st, err := h.prepare(opts)
	if err != nil {
		return nil, h.close(err)
	}
	info.Version, info.Removing, info.Bytes = st.version, st.removing, h.size()
	s := &Store{
		path: path, opts: opts, limits: opts.limits(), keep: &keeper{trims: opts.Archive == nil, tallies: tallies{}}, h: h, done: make(chan struct{}), backups: places(),
	}
	s.keep.problem = func() string { return s.Info().ArchiveProblem }
	err = h.view(func(tx *bolt.Tx) error {
		k, lines, err := readLineage(tx)
		s.secret, s.log = k, newEventLog(info, lines, opts.EventChanges)
		return err
	})
	if err != nil {
		return nil, h.close(err)
	}
	s.queue.wake = make(chan struct{}, 1)
	s.commitDecided()
	return s, nil
}

// prepare migrates a store of an older schema and verifies the content.
func (h *handle) prepare(opts Options) (st state, err error) {
	var from uint64
	err = h.view(func(tx *bolt.Tx) (err error) { from, err = readSchema(tx); return err })
	if err == nil && from < schema {
		err = guard(func() error { return h.db.Update(func(tx *bolt.Tx) error { return migrate(tx, from) }) })
		opts.Log.Info("migrated the store", "from", from, "to", schema, "error", err)
		h.committed.Add(1)
	}
	if err != nil {
		return state{}, err
	}
	err = h.view(func(tx *bolt.Tx) (err error) {
		if st, err = readState(tx); err != nil {
			return err
		}
		return verifyContent(tx, st)
	})
	return st, err
}

func (h *handle) view(fn func(*bolt.Tx) error) error {
	return guard(func() error { return h.db.View(fn) })
}

func creationPath(path string) string   { return path + ".new" }
func compactionPath(path string) string { return path + ".compact" }
func restorePath(path string) string    { return path + ".restore" }

// create makes an empty store: complete and on the disk under another name
// before it gets its own, since a crash while bbolt writes its first pages
// leaves a file that it cannot open.
func create(path string) error {
	temp := creationPath(path)
	id, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	err = guard(func() error {
		db, err := bolt.Open(temp, 0o600, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType, OpenFile: exclusive})
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bolt.Tx) error {
			if err := createBuckets(tx); err != nil {
				return err
			}
			st := state{version: routes.Version{StoreID: id.String(), Epoch: 1}, audit: chain{first: 1, next: 1}}
			if err := tx.Bucket([]byte(metaBucket)).Put([]byte(stateKey), st.sealed()); err != nil {
				return err
			}
			return addLineage(tx)
		})
		return errors.Join(err, db.Close())
	})
	if err != nil {
		return err
	}
	return install(temp, path)
}

// install gives a finished file its name, durably.
func install(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// openError names the store in an error of opening it.
func openError(path string, err error) error {
	var e *routes.Error
	switch {
	case errors.As(err, &e):
		return err
	case outOfSpace(err):
		return diskFull(path, err)
	case errors.Is(err, berrors.ErrTimeout):
		return &routes.Error{Reason: routes.Unavailable, Field: "store", Value: path, Problem: "another program has the file open", Action: "Close that program", Cause: err}
	}
	e = failed(path, fmt.Errorf("it cannot be opened: %w", err))
	var d *damage
	if errors.As(err, &d) {
		e.Action = "Restore a backup with hcsroute restore; the file is left as it is"
	} else {
		e.Action = "Check that the service may write the file and its folder"
	}
	return e
}

// commitDecided wakes the readers that wait until the last commit has succeeded or failed.
func (s *Store) commitDecided() {
	next := make(chan struct{})
	if old := s.decided.Swap(&next); old != nil {
		close(*old)
	}
}

func (o Options) limits() limits {
	return limits{auditAge: o.AuditAge, auditLeast: o.AuditLeast, auditBytes: o.AuditBytes, actorAnswers: actorAnswers, allAnswers: allAnswers}
}

// now is the time for what is stored, without the monotonic part.
func (o Options) now() moment {
	m := moment{wall: o.Now().Round(0)}
	m.boot, m.up = o.Uptime()
	return m
}

// Close implements store.Store. It waits for readers and the archive too.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	if s.leave != nil {
		s.leave()
	}
	s.queue.close()
	<-s.done
	s.commitDecided()
	err := s.h.close(nil)
	s.closing.Wait()
	return errors.Join(err, s.lock.Close())
}
