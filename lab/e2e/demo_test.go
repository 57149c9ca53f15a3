//go:build linux

package e2e

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/lab/demo"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestDemo runs the demo and holds README's transcript against it.
func TestDemo(t *testing.T) {
	s := start(t, system.Options{})
	var out bytes.Buffer
	if err := demo.Run(t.Context(), s, demo.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "<!-- demo -->\n```\n")
	transcript, _, closed := strings.Cut(rest, "\n```\n<!-- /demo -->")
	if !ok || !closed {
		t.Fatal("README.md has no transcript between its demo marks")
	}
	printed := strings.Split(steady(out.String()), "\n")
	for _, line := range strings.Split(steady(transcript), "\n") {
		if strings.TrimSpace(line) == "..." || line == "" {
			continue
		}
		for len(printed) > 0 && printed[0] != line {
			printed = printed[1:]
		}
		if len(printed) == 0 {
			t.Fatalf("README.md shows a line that the demo does not print, or not in this order:\n%s\n\nthe demo printed:\n%s", line, out.String())
		}
	}
}

// steady replaces what differs between runs: durations.
func steady(text string) string {
	return regexp.MustCompile(`[0-9.]+ ?(µs|ms|s)\b`).ReplaceAllString(text, "TIME")
}
