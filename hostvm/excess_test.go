package hostvm

import (
	"testing"
	"time"
)

// TestAllowance: an agent may send 10,000 reports at once and 1000 in a second
// for long; answers are free, and a report of many statuses counts for more.
func TestAllowance(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for name, c := range map[string]struct {
		every             time.Duration
		statuses, answers int
		refused           int // the report that is refused first; 0: none
	}{
		"all at once":            {0, 0, 0, burstReports + 1},
		"as fast as allowed":     {time.Second / reportsPerSecond, 0, 0, 0},
		"twice as fast":          {time.Second / reportsPerSecond / 2, 0, 0, 2 * burstReports},
		"answers":                {0, 0, 1, 0},
		"many statuses":          {0, 9 * statusesOfReport, 0, burstReports/10 + 1},
		"many statuses, at rest": {10 * time.Second / reportsPerSecond, 9 * statusesOfReport, 0, 0},
	} {
		var a allowance
		refused := 0
		for n := 1; n <= 5*burstReports && refused == 0; n++ {
			if err := a.take(now.Add(time.Duration(n)*c.every), c.statuses, c.answers); err != nil {
				refused = n
			}
		}
		if refused != c.refused {
			t.Errorf("%s: report %d is refused, want %d", name, refused, c.refused)
		}
	}
	var a allowance
	for range burstReports {
		if err := a.take(now, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if a.take(now, 0, 0) == nil {
		t.Fatal("one more is taken")
	}
	if err := a.take(now.Add(time.Second), 0, 0); err != nil {
		t.Errorf("after a rest: %v", err)
	}
}
