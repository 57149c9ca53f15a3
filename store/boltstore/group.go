package boltstore

import (
	"net/netip"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// group is one bolt transaction and what the calls in it have done so far.
// Changes of routes gather in byPrefix and are written in key order by flush.
type group struct {
	tx       *bolt.Tx
	now      time.Time
	limits   limits
	keep     *keeper
	clock    clock
	jump     string // of the wall clock, not in the audit yet
	st       state
	begun    routes.Revision                 // of st before the calls
	byPrefix map[netip.Prefix]*prefixRecords // made by load
	order    []*prefixRecords                // the same, mostly in key order
	ifaces   []string                        // that the buckets hold; nil: not known
	nodes    []string                        // known nodes, sorted
	listed   bool                            // nodes is filled
	events   []store.Event
	// audited are the records that it appends to the audit.
	audited []*auditEntry
	dirty   bool
	leaves  bool // records are due, which the archiver does not know
	// lineage as it will be; the previous one is in was. fresh: the process has not
	// written yet, so that a life begins with this.
	lineage, was *lineage
	fresh        bool
	err          error // of bbolt or of a record: the transaction cannot be committed
	reader       reader
}

// limits of what is kept.
type limits struct {
	auditAge   time.Duration
	auditLeast time.Duration // no record leaves younger, whatever their size
	auditBytes uint64
	// bytes of answers that are kept
	actorAnswers, allAnswers uint64
}

// moment is what the clocks say: the wall's, and how long ago which boot was.
type moment struct {
	wall time.Time
	boot string
	up   time.Duration
}

// prefixRecords are the records, tombstones too, of one destination on all interfaces.
// stored is replaced, never changed; now is changed in place by the request that owns it.
type prefixRecords struct {
	stored, now []routes.Record
	// by is the last request that changed them; changed are the indexes, in its list
	// of changes, of those to these records.
	by      *application
	changed []int
}

func newGroup(tx *bolt.Tx, now moment, l limits, keep *keeper) (*group, error) {
	st, err := readState(tx)
	if err != nil {
		return nil, err
	}
	g := &group{tx: tx, now: now.wall, limits: l, keep: keep, st: st, begun: st.version.Revision}
	sealed := g.bucket(metaBucket).Get([]byte(clockKey))
	c, err := openClock(sealed, now)
	if err != nil {
		return nil, err
	}
	if sealed == nil { // in a store of an earlier release nothing ages at once, whatever the wall clock says
		c.own = min(c.own, g.newestAudit(c.own))
	}
	g.clock, g.jump = c.advance(now)
	return g, nil
}

func (g *group) bucket(name string) *bolt.Bucket { return g.tx.Bucket([]byte(name)) }

// fail notes the first error and returns it.
func (g *group) fail(err error) error {
	if g.err == nil {
		g.err = err
	}
	return g.err
}

func (g *group) put(bucket string, key, value []byte) {
	g.dirty = true
	if err := g.bucket(bucket).Put(key, value); err != nil {
		_ = g.fail(err)
	}
}

func (g *group) delete(bucket string, key []byte) {
	g.dirty = true
	if err := g.bucket(bucket).Delete(key); err != nil {
		_ = g.fail(err)
	}
}

// event adds an event of the version as it is now: a proof where the version is
// that of the event before.
func (g *group) event(changes []store.Change) {
	g.events = append(g.events, store.Event{Version: g.st.version, Time: g.now, Changes: changes})
}

// finish writes what the calls have gathered. It commits nothing.
func (g *group) finish() error {
	g.flush()
	if g.dirty && g.err == nil {
		g.auditJump()
		g.trimRequests()
		g.letLeave()
		g.put(metaBucket, []byte(clockKey), g.clock.sealed())
		g.writeLineage()
		g.put(metaBucket, []byte(stateKey), g.st.sealed())
	}
	return g.err
}

// writeLineage writes the lineage where it changes.
func (g *group) writeLineage() {
	if g.fresh {
		young, err := g.lineage.born(g.begun)
		if err != nil {
			_ = g.fail(err)
			return
		}
		g.lineage = young
	}
	if g.lineage != g.was {
		g.put(metaBucket, []byte(lineageKey), g.lineage.sealed())
	}
}
