package agent

import (
	"errors"
	"syscall"
	"time"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/journal"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// saveRetry is the pause before a failed write to the log is tried again.
	saveRetry = time.Second
	// compactDelay keeps a compaction off the heels of a change.
	compactDelay = time.Second
	// compactRetry is the pause after a compaction that failed.
	compactRetry = time.Minute
	// maxUnsaved is how many changes wait for a full disk; with more of them
	// the whole set is written instead.
	maxUnsaved = 1024
)

// saving is what is not on the disk yet.
type saving struct {
	unsaved   []desired.Change
	whole     bool // the whole set must be written
	saved     uint64
	persisted routes.Version // what the log holds
	proof     []byte         // its authenticator
	problem   string         // why it cannot be written
	kind      routes.AlarmKind
	retryAt   time.Time

	compacting bool
	compactAt  time.Time
	compacted  chan *journal.Compaction
}

// save writes what is unsaved to the log. It takes one fdatasync; the kernel
// is programmed meanwhile.
func (a *Agent) save() {
	var err error
	switch {
	case a.whole:
		err = a.journal.Replace(&a.state)
	case len(a.unsaved) > 0:
		err = a.journal.Append(&a.state, a.unsaved...)
	}
	if err != nil {
		a.notSaved(err)
		return
	}
	if a.problem != "" {
		a.opts.Log.Info("the log of routes is written again")
		a.problem = ""
		a.touch()
	}
	a.unsaved, a.whole, a.retryAt = nil, false, time.Time{}
	a.saved, a.persisted, a.proof = a.generation, a.state.Version, a.state.Authenticator
	if a.journal.Oversized() && a.compactAt.IsZero() && !a.compacting {
		a.compactAt = time.Now().Add(compactDelay)
	}
	a.advance()
}

func (a *Agent) notSaved(err error) {
	a.retryAt = time.Now().Add(saveRetry)
	if len(a.unsaved) > maxUnsaved {
		a.unsaved, a.whole = nil, true
	}
	problem := "changes after revision " + revision(a.persisted) + " would not survive a restart: " + err.Error()
	if problem != a.problem {
		a.opts.Log.Error("the log of routes cannot be written; changes are not reported as carried out until it can",
			"error", err, "persisted_revision", a.persisted.Revision, "retry", saveRetry)
		a.problem, a.kind = problem, unsavedKind(err)
		a.touch()
	}
}

func unsavedKind(err error) routes.AlarmKind {
	switch {
	case errors.Is(err, journal.ErrTaken):
		return routes.AlarmStateTaken
	case errors.Is(err, syscall.ENOSPC):
		return routes.AlarmDiskFull
	}
	return routes.AlarmUnsaved
}

// readOnly has a log that can only be read written as a whole as soon as that is
// possible; until then the operator hears of it, whether or not there is a change.
func (s *saving) readOnly(why error) {
	s.whole, s.retryAt = true, time.Now().Add(saveRetry)
	s.problem, s.kind = "changes after revision "+revision(s.persisted)+" would not survive a restart: "+why.Error(), unsavedKind(why)
}

// untilDue is the time until a retry or a compaction is due.
func (a *Agent) untilDue() time.Duration {
	d := time.Hour
	var beatAt, flushAt time.Time
	if a.current != nil {
		beatAt, flushAt = a.current.beatAt, a.current.flushAt
	}
	for _, at := range []time.Time{a.retryAt, a.compactAt, beatAt, flushAt} {
		if !at.IsZero() {
			d = min(d, max(0, time.Until(at)))
		}
	}
	return d
}

func (a *Agent) due() {
	now := time.Now()
	if !a.retryAt.IsZero() && !a.retryAt.After(now) {
		a.save()
	}
	if !a.compactAt.IsZero() && !a.compactAt.After(now) {
		a.compactAt = time.Time{}
		a.compact()
	}
	if s := a.current; s != nil && s.every > 0 && !s.beatAt.After(now) {
		s.spoke() // a report that does not leave, because the sender is busy, leaves later
		s.beat, s.dirty = true, true
	}
}

// compact begins a compaction; the loop goes on meanwhile.
func (a *Agent) compact() {
	if a.compacting || a.whole || len(a.unsaved) > 0 || !a.journal.Oversized() {
		return
	}
	a.compacting = true
	c := a.journal.Begin(&a.state)
	go func() {
		c.Write()
		a.compacted <- c
	}()
}

func (a *Agent) finish(c *journal.Compaction) {
	a.compacting = false
	if err := a.journal.Finish(c); err != nil {
		a.compactAt = time.Now().Add(compactRetry)
		a.opts.Log.Warn("the log of routes was not compacted", "error", err, "retry", compactRetry)
	}
}
