package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestRemediesNameCommands: the commands in the tables' advice exist, with their
// flags.
func TestRemediesNameCommands(t *testing.T) {
	texts := map[string]string{}
	for _, row := range routes.Reasons() {
		texts[string(row.Reason)] = row.Action
	}
	for _, row := range routes.Causes() {
		texts[row.Code] = row.Remedy
	}
	for _, row := range routes.Warnings() {
		texts["warning "+string(row.Code)] = row.Remedy
	}
	found := 0
	for code, text := range texts {
		for _, m := range regexp.MustCompile(`'hcsroute ([^']+)'`).FindAllStringSubmatch(text, -1) {
			found++
			words := strings.Fields(strings.ReplaceAll(m[1], "metric N", "metric 1"))
			root := (&app{}).root()
			cmd, rest, err := root.Find(words)
			if err != nil || cmd == root {
				t.Errorf("%s: %s is no command: %v", code, m[1], err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %s: %v", code, m[1], err)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d commands found", found)
	}
}
