package table

import (
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

const (
	// lossesQuiet is how long nobody must take a route before the log names
	// those that were taken: a flush of thousands is one line.
	lossesQuiet = time.Second
	// lossesMax bounds that wait where it goes on and on.
	lossesMax = 10 * time.Second
)

// losses are routes that others took away and that are not in the log yet.
type losses struct {
	begun, at time.Time // of the first; when they are logged
	routes    int
	first     routes.Key
	by        string
	fights    int // of them, for which another manager fights
	fought    fight
	fightsFor routes.Key
}

// noteLoss counts a route that somebody took away. by is empty where that was
// not noticed.
func (t *Table) noteLoss(i int32, by string) {
	l, now := &t.losses, t.now()
	if by == "" {
		by = "unknown, as kernel notifications were lost"
	}
	switch {
	case l.routes == 0:
		l.begun, l.first, l.by = now, t.keyOf(i), by
	case l.by != by:
		l.by = "several, among them " + by
	}
	l.routes++
	l.at = now.Add(lossesQuiet)
	if last := l.begun.Add(lossesMax); last.Before(l.at) {
		l.at = last
	}
}

// noteFight counts a route that is lost again and again.
func (t *Table) noteFight(i int32, f fight) {
	l := &t.losses
	if l.fights++; l.fights == 1 || f.delay > l.fought.delay {
		l.fought, l.fightsFor = f, t.keyOf(i)
	}
}

// logLosses logs those since it was called last.
func (t *Table) logLosses() {
	l := t.losses
	t.losses = losses{}
	if l.routes > l.fights {
		t.opts.Log.Warn("routes were taken away", "routes", l.routes, "by", l.by, "first", l.first.String())
	}
	if l.fights > 0 {
		t.opts.Log.Error("another manager fights for routes", "routes", l.fights, "first", l.fightsFor.String(),
			"detail", l.fought.message, "next_repair", l.fought.delay)
	}
}

func netlinkPort(port uint32) string { return fmt.Sprintf("the process with netlink port %d", port) }
