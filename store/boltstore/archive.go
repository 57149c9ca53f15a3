package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/store"
)

// archiveRetry is the pause after an archive that took nothing.
const archiveRetry = time.Minute

// archiver hands audit records on before they leave the store. It works beside
// the writer and outside of transactions: however slow the archive's disk is,
// no change waits for it.
type archiver struct {
	*Store
	due   chan struct{} // holds one token: records may be due
	taken uint64        // sequence of the last that the archive has
	after int64         // no archive before this own time
}

// startArchiver starts it, with a first look at what is due.
func (s *Store) startArchiver() {
	a := &archiver{Store: s, due: make(chan struct{}, 1)}
	s.keep.due = a.due
	s.keep.wakeArchiver()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a.run(stop)
	}()
	s.leave = func() {
		close(stop)
		<-done
	}
}

// run ends with stop, but not within a call of the archive.
func (a *archiver) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-a.due:
		}
		if a.step() {
			a.keep.wakeArchiver() // there may be more
		}
	}
}

// departure is what leaves in one step.
type departure struct {
	first uint64 // sequence
	n     int
	recs  []store.AuditRecord // of them what the archive has not taken yet
	own   int64               // time of the store
}

// step lets some records leave, and reports whether there may be more.
func (a *archiver) step() (more bool) {
	d, err := a.next()
	if err != nil || d.n == 0 || d.own < a.after {
		return false // an error meets everybody who reads or writes, and is reported there
	}
	if len(d.recs) > 0 {
		if err := a.opts.Archive(d.recs); err != nil {
			a.after = d.own + int64(archiveRetry)
			a.log.archive(err.Error())
			a.opts.Log.Error("audit records cannot leave for the archive; they stay, and the store grows", "error", err, "retry", archiveRetry)
			return false
		}
		a.taken = d.first + uint64(d.n) - 1
	}
	a.log.archive("")
	err = a.ask(&call{items: 1, run: func(g *group) error {
		if g.st.audit.first == d.first {
			g.trimAudit(d.n)
		}
		return nil
	}})
	return err == nil
}

// ask has the writer carry out a call, and waits.
func (a *archiver) ask(c *call) error {
	c.err = make(chan error, 1)
	if err := a.queue.push(c); err != nil {
		return err
	}
	return <-c.err
}

// next reads what is to leave, of a state between two transactions. A record
// that the archive has taken already, and whose trim could not be written, is
// not handed on again.
func (a *archiver) next() (d departure, err error) {
	var tx *bolt.Tx
	err = a.ask(&call{alone: func() (err error) {
		tx, _, err = a.tryBegin()
		return err
	}})
	if err != nil {
		return d, err
	}
	err = a.read(tx, func() error {
		g, err := newGroup(tx, a.opts.now(), a.limits, &keeper{})
		if err != nil {
			return err
		}
		d = departure{first: g.st.audit.first, n: g.leaving(), own: g.clock.own}
		for i := range uint64(d.n) {
			if n := d.first + i; n > a.taken {
				d.recs = append(d.recs, readAudit(n, g.bucket(auditBucket).Get(sequenceKey(n))).AuditRecord)
			}
		}
		return nil
	})
	return d, err
}
