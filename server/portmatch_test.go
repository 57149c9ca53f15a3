package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// A pattern is matched with each alias once, however many routes are read.
func TestEachAliasIsMatchedOnce(t *testing.T) {
	var patterns []string
	for i := range maxPatterns {
		patterns = append(patterns, fmt.Sprintf("*nowhere%d*", i))
	}
	m, err := newPortMatch(patterns, map[string]struct{}{"port5": {}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, alias := range []string{"Port3", "Port4", "Port5"} {
			if got := m.takes(alias); got != (alias == "Port5") {
				t.Fatalf("%s: %v", alias, got)
			}
		}
		m.patterns = []string{"*"} // would take all, if it were looked at again
	}
}

func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, alias string
		want           bool
	}{
		{"P*T?", "port3", true}, {"*", "Slot 2/Port 1", true}, {"Slot*1", "Slot 2/Port 1", true}, {"Slot?2/*", "Slot 2/Port 1", true},
		{"Port[34]", "Port3", false}, {"Port[34]*", "Port[34] a", true}, {`Port\*`, `Port\3`, true}, {"Port?", "Port", false}, {"Port?", "Port31", false},
	} {
		m, err := newPortMatch([]string{tc.pattern}, nil)
		if err != nil || m.takes(tc.alias) != tc.want {
			t.Errorf("%s with %s: %v %v", tc.pattern, tc.alias, !tc.want, err)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	many := make([]string, maxPatterns+1)
	if _, err := newPortMatch(many, nil); routes.ReasonOf(err) != routes.BatchTooLarge {
		t.Errorf("many patterns: %v", err)
	}
	if _, err := newPortMatch([]string{strings.Repeat("*a", maxPattern)}, nil); routes.ReasonOf(err) != routes.BadRequest {
		t.Errorf("a long pattern: %v", err)
	}
}
