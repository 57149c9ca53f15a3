package boltstore

import (
	"slices"
	"sort"
	"sync"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// eventLog keeps the newest events in memory and wakes those who wait for
// more. It holds what Info returns too, so that both change in one step.
type eventLog struct {
	mu      sync.Mutex
	info    store.Info
	lines   *lineage
	events  []store.Event
	changes int // in events
	limit   int // of changes; the newest event stays in any case
	floor   store.Position
	changed chan struct{} // closed with the next event
}

func newEventLog(info store.Info, lines *lineage, limit int) *eventLog {
	info.Proofs = 1 // for those that nobody can read any more
	return &eventLog{info: info, lines: lines, limit: limit, floor: info.Position(), changed: make(chan struct{})}
}

// publish makes committed events visible.
func (l *eventLog) publish(g *group, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.info.Position()
	for _, e := range g.events {
		if at.Proofs++; e.Version.Revision != at.Revision {
			at = store.Position{Revision: e.Version.Revision}
		}
		e.Proofs = at.Proofs
		l.events = append(l.events, e)
		l.changes += weight(e)
	}
	l.info.Version, l.info.Proofs, l.info.Removing, l.info.Bytes = g.st.version, at.Proofs, g.st.removing, bytes
	l.lines = g.lineage
	l.info.Err = nil
	drop := 0
	for l.changes > l.limit && drop < len(l.events)-1 {
		l.changes -= weight(l.events[drop])
		l.floor = l.events[drop].Position()
		drop++
	}
	// Appending moves the rest to a new array in time; until then the dropped
	// ones must not be kept alive.
	clear(l.events[:drop])
	l.events = l.events[drop:]
	if len(g.events) > 0 {
		close(l.changed)
		l.changed = make(chan struct{})
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

// since returns the events after a position.
func (l *eventLog) since(after store.Position) ([]store.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after.Compare(l.floor) < 0 || after.Revision > l.info.Version.Revision {
		return nil, false
	}
	i := sort.Search(len(l.events), func(i int) bool { return l.events[i].Position().Compare(after) > 0 })
	return slices.Clone(l.events[i:]), true
}

func (l *eventLog) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Info implements store.Store.
func (s *Store) Info() store.Info { return s.log.snapshot() }

// Changed implements store.Store.
func (s *Store) Changed() <-chan struct{} { return s.log.next() }

// Since implements store.Store.
func (s *Store) Since(after store.Position) ([]store.Event, bool) { return s.log.since(after) }
