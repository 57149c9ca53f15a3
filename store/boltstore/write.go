package boltstore

import (
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
)

// write is the one writer. It ends when the queue is closed and empty.
func (s *Store) write() {
	defer close(s.done)
	rest := time.NewTicker(s.opts.look)
	defer rest.Stop()
	for {
		select {
		case <-s.queue.wake:
			if s.empty() {
				s.auditTallies()
				return
			}
		case <-rest.C:
			s.look()
			s.auditTallies()
			s.keep.wakeArchiver() // again, where the archive had failed
		}
	}
}

// empty carries out what is in the queue, and says that no more will come.
func (s *Store) empty() (closed bool) {
	for {
		calls, closed := s.queue.pop()
		if len(calls) == 0 {
			return closed
		}
		s.runCalls(calls)
		if len(calls) > 1 {
			// Those just answered are about to ask again: one yield lets them
			// join the next transaction. A lone writer never gets here.
			runtime.Gosched()
		}
	}
}

func (s *Store) runCalls(calls []*call) {
	var mine []*call
	for _, c := range calls {
		if c.taken.CompareAndSwap(false, true) {
			mine = append(mine, c)
		}
	}
	switch {
	case len(mine) == 0:
	case mine[0].alone != nil:
		mine[0].err <- mine[0].alone()
	default:
		s.commit(mine)
	}
}

// retireWait is how long a write waits for readers that began before a full disk.
const retireWait = 250 * time.Millisecond

// refusal is why nothing can be written now, or nil.
func (s *Store) refusal() error {
	if s.stopped != nil {
		return s.stopped
	}
	if s.retired != nil {
		select {
		case <-s.retired.closed:
		case <-time.After(retireWait):
			return &routes.Error{Reason: routes.DiskFull, Field: "store", Value: s.path, Problem: "the disk was full, and an earlier read has yet to end"}
		}
		s.retired = nil
	}
	return nil
}

// commit carries out calls in one bolt transaction. A call that is refused
// leaves nothing behind and costs the others nothing.
func (s *Store) commit(calls []*call) {
	errs := make([]error, len(calls))
	err := s.refusal()
	if err == nil {
		err = s.transact(calls, errs)
	}
	for i, c := range calls {
		if err != nil && errs[i] == nil {
			errs[i] = err
		}
		c.err <- errs[i]
	}
}

// transact gives each call its refusal in errs, and returns the error that
// all others share.
func (s *Store) transact(calls []*call, errs []error) error {
	var (
		tx *bolt.Tx
		g  *group
	)
	err := guard(func() (err error) {
		if tx, err = s.h.db.Begin(true); err != nil {
			return err
		}
		if g, err = newGroup(tx, s.opts.now(), s.limits, s.keep); err != nil {
			return err
		}
		g.lineage, _ = s.log.lineage()
		g.was, g.fresh = g.lineage, !s.wrote
		for i, c := range calls {
			if errs[i] = c.run(g); g.err != nil {
				return g.err
			}
		}
		return g.finish()
	})
	if err == nil && g.dirty {
		err = s.h.taken(s.path)
	}
	if err != nil || !g.dirty {
		if tx != nil {
			err = first(err, guard(tx.Rollback))
		}
		if err != nil {
			clear(errs)
			s.keep.usage, s.keep.answers = nil, nil
			return s.stop(err)
		}
		return nil
	}
	id := tx.ID()
	if err := guard(func() error { return s.opts.commit(tx) }); err != nil {
		// bbolt has ended the transaction, unless it panicked.
		_ = guard(tx.Rollback)
		s.keep.usage, s.keep.answers = nil, nil
		return s.commitFailed(err)
	}
	// Whoever sees the new revision must find its events.
	full := s.Info().Err != nil
	s.log.publish(g, s.h.size())
	if full {
		s.opts.Log.Info("the disk has room again; writes are stored", "path", s.path)
	}
	s.logChanges(g)
	s.wrote = true
	s.h.committed.Store(int64(id))
	s.commitDecided()
	if g.leaves {
		s.keep.wakeArchiver()
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
