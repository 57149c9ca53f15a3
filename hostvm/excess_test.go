package hostvm

import (
	"testing"
	"time"
)

// TestLapsesAreForgiven: a status of a removed route now and then, over the
// months of a session, is no excess, nor are as many as there are routes; many at
// once are.
func TestLapsesAreForgiven(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var l lapses
	for n := range 100_000 {
		if !l.add(now.Add(time.Duration(n)*time.Minute), 2, slackRoutes) {
			t.Fatalf("after %d minutes it is excess", n)
		}
	}
	var many lapses
	const stored = 100_000
	if !many.add(now, stored, stored+slackRoutes) || many.add(now, stored, stored+slackRoutes) {
		t.Error("as many as there are routes, and as many again")
	}
	var few lapses
	if !few.add(now, 15_000, slackRoutes) || few.add(now, 15_000, slackRoutes) {
		t.Error("15,000, and as many again")
	}
}
