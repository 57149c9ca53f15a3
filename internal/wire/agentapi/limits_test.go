package agentapi_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
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
		"all at once":            {0, 0, 0, agentapi.BurstReports + 1},
		"as fast as allowed":     {time.Second / agentapi.ReportsPerSecond, 0, 0, 0},
		"twice as fast":          {time.Second / agentapi.ReportsPerSecond / 2, 0, 0, 2 * agentapi.BurstReports},
		"answers":                {0, 0, 1, 0},
		"many statuses":          {0, 9 * agentapi.StatusesOfReport, 0, agentapi.BurstReports/10 + 1},
		"many statuses, at rest": {10 * time.Second / agentapi.ReportsPerSecond, 9 * agentapi.StatusesOfReport, 0, 0},
	} {
		var a agentapi.Allowance
		refused := 0
		for n := 1; n <= 5*agentapi.BurstReports && refused == 0; n++ {
			if !a.Spend(now.Add(time.Duration(n)*c.every), c.statuses, c.answers) {
				refused = n
			}
		}
		if refused != c.refused {
			t.Errorf("%s: report %d is refused, want %d", name, refused, c.refused)
		}
	}
	var a agentapi.Allowance
	for range agentapi.BurstReports {
		if !a.Spend(now, 0, 0) {
			t.Fatal("less than the burst is refused")
		}
	}
	if a.Spend(now, 0, 0) {
		t.Fatal("one more is taken")
	}
	if !a.Spend(now.Add(time.Second), 0, 0) {
		t.Error("refused after a rest")
	}
	if wait := a.Wait(now.Add(time.Second)); wait < 4*time.Second || wait > 4*time.Second+10*time.Millisecond {
		t.Errorf("half of the burst is left after %s", wait)
	}
}

func TestCut(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", agentapi.MaxText), strings.Repeat("x", 2*agentapi.MaxText), strings.Repeat("경", agentapi.MaxText)} {
		got := agentapi.Cut(s)
		if len(got) > agentapi.MaxText || !utf8.ValidString(got) || len(s) <= agentapi.MaxText && got != s {
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
	}
}
