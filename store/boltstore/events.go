package boltstore

import (
	"context"
	"sort"
	"sync"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// eventLog keeps the newest events in memory and wakes those who wait. It
// holds what Info tells too, so that both change in one step.
type eventLog struct {
	mu      sync.Mutex
	info    store.Info
	lines   *lineage
	events  []store.Event
	changes int // in events
	limit   int // of changes; the newest event stays in any case
	floor   routes.Revision
	woken   chan struct{}
	closed  bool
}

func newEventLog(info store.Info, lines *lineage, limit int) *eventLog {
	return &eventLog{info: info, lines: lines, limit: limit, floor: info.Version.Revision, woken: make(chan struct{})}
}

// publish makes committed events visible.
func (l *eventLog) publish(g *group, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Version, l.info.Removing, l.info.Bytes = g.st.version, g.st.removing, bytes
	l.lines = g.lineage
	l.info.Err = nil
	for _, e := range g.events {
		l.info.Sequence++
		e.Sequence = l.info.Sequence
		l.events = append(l.events, e)
		l.changes += weight(e)
	}
	drop := 0
	for l.changes > l.limit && drop < len(l.events)-1 {
		l.changes -= weight(l.events[drop])
		l.floor = l.events[drop].Version.Revision
		drop++
	}
	// Appending moves the rest to a new array in time; until then the dropped
	// ones must not be kept alive.
	clear(l.events[:drop])
	l.events = l.events[drop:]
	if len(g.events) > 0 {
		l.wake()
	}
}

// lineage is the lineage with the version that it is at.
func (l *eventLog) lineage() (*lineage, routes.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines, l.info.Version
}

// opened notes what was wrong with the file when it was opened.
func (l *eventLog) opened(problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Opened = problem
}

// archive notes why audit records cannot leave; empty: they can.
func (l *eventLog) archive(problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.ArchiveProblem = problem
}

// weight counts an event without changes too, so that those are bounded as well.
func weight(e store.Event) int { return max(1, len(e.Changes)) }

func (l *eventLog) wake() {
	close(l.woken)
	l.woken = make(chan struct{})
}

// refuse notes why writes are refused.
func (l *eventLog) refuse(err *routes.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Err = err
}

// resize notes the file's size in bytes.
func (l *eventLog) resize(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Bytes = bytes
}

func (l *eventLog) snapshot() store.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

// close wakes everyone who waits.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// since returns the events with a later revision; proofs are left out.
func (l *eventLog) since(after routes.Revision) ([]store.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < l.floor || after > l.info.Version.Revision {
		return nil, false
	}
	i := sort.Search(len(l.events), func(i int) bool { return l.events[i].Version.Revision > after })
	var out []store.Event
	for _, e := range l.events[i:] {
		if !e.Proof {
			out = append(out, e)
		}
	}
	return out, true
}

// position is the number of the last event that a reader of the revision has
// had for sure. What was dropped at the floor may have been proofs.
func (l *eventLog) position(after routes.Revision) (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after <= l.floor || after > l.info.Version.Revision {
		return 0, false
	}
	i := sort.Search(len(l.events), func(i int) bool {
		e := l.events[i]
		return e.Version.Revision > after || e.Version.Revision == after && e.Proof
	})
	return l.info.Sequence - uint64(len(l.events)-i), true
}

// await waits until ready, called under the lock, says so.
func (l *eventLog) await(ctx context.Context, ready func() bool) error {
	for {
		l.mu.Lock()
		done, closed, woken := ready(), l.closed, l.woken
		l.mu.Unlock()
		switch {
		case done:
			return nil
		case closed:
			return errClosed()
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Info implements store.Store.
func (s *Store) Info() store.Info { return s.log.snapshot() }

// Since implements store.Store.
func (s *Store) Since(after routes.Revision) ([]store.Event, bool) { return s.log.since(after) }

// Await implements store.Store.
func (s *Store) Await(ctx context.Context, after routes.Revision) error {
	return s.log.await(ctx, func() bool { return s.log.info.Version.Revision > after })
}

// Position implements store.Store.
func (s *Store) Position(after routes.Revision) (uint64, bool) { return s.log.position(after) }

// Follow implements store.Store.
func (s *Store) Follow(ctx context.Context, after uint64) (events []store.Event, ok bool, err error) {
	err = s.log.await(ctx, func() bool {
		head := s.log.info.Sequence
		first := head - uint64(len(s.log.events)) + 1
		if after > head || after+1 < first {
			return true
		}
		ok = true
		events = append(events, s.log.events[after+1-first:]...)
		return len(events) > 0
	})
	if err != nil {
		return nil, false, err
	}
	return events, ok, nil
}
