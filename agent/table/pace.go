package table

import "time"

const (
	// paceFactor bounds the share of time that work takes which is not writing:
	// work of d is followed by a rest of this times d.
	paceFactor = 4
	// maxPace bounds what that makes wait.
	maxPace = time.Second
)

// pace bounds the share of time that one kind of work takes.
type pace struct {
	least, most time.Duration // of a rest; most 0: no bound
	// ahead is how long before the end of a rest work may begin all the same: the
	// first few in a row need not wait.
	ahead time.Duration

	begun time.Time     // from when on the share counts
	took  time.Duration // of the work since it began last
}

// begin notes that work begins. What was used ahead of a rest is owed.
func (p *pace) begin(now time.Time) {
	owed := p.rested()
	if most := now.Add(p.ahead); owed.After(most) {
		owed = most
	}
	p.begun, p.took = latest(now, owed), 0
}

// add notes how long the work has taken, or a part of it.
func (p *pace) add(d time.Duration) { p.took += d }

// rested is the end of the rest after the work.
func (p *pace) rested() time.Time {
	rest := max(paceFactor*p.took, p.least)
	if p.most > 0 {
		rest = min(rest, p.most)
	}
	return p.begun.Add(p.took + rest)
}

// next is when work may begin again.
func (p *pace) next(now time.Time) time.Time { return latest(now, p.rested().Add(-p.ahead)) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
