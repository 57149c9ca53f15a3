package cli

import (
	"strings"
	"testing"
)

// TestTableFits: whatever is in it, no line of a table is wider than the terminal.
func TestTableFits(t *testing.T) {
	for _, limit := range []int{60, 80, 200} {
		tab := &table{columns: []column{{title: "INTERFACE"}, {title: "DESTINATION"}, {title: "NEXT-HOP"}, {title: "METRIC", right: true}, {title: "STATE", shrink: true}}, limit: limit}
		tab.add("Port3", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff00/120", "2001:db8:20:1111:2222:3333:4444:5555", "65535", "WAITING: AGENT_UNREACHABLE on k8s-worker: no answer")
		tab.add("이더넷 포트 3", "192.168.21.0/24", "192.168.20.1", "1", "PROGRAMMED")
		tab.add("evil\x1b[31m\nname", "10.0.0.0/8", "192.168.20.1", "1", "FAILED")
		var b strings.Builder
		if err := tab.write(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 4 {
			t.Fatalf("%d lines:\n%s", len(lines), b.String())
		}
		for _, line := range lines {
			if n := textWidth(line); n > limit || strings.ContainsRune(line, '\x1b') {
				t.Errorf("limit %d, width %d: %q", limit, n, line)
			}
		}
		if limit == 200 && strings.Contains(b.String(), "...") {
			t.Errorf("cut without need:\n%s", b.String())
		}
	}
}

// FuzzCut: what is cut fits and never ends inside a character.
func FuzzCut(f *testing.F) {
	f.Add("이더넷 포트", 9)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < minimum || limit > 200 {
			t.Skip()
		}
		s = clean(s)
		if got := cut(s, limit); textWidth(got) > limit {
			t.Fatalf("%q in %d: %q", s, limit, got)
		}
	})
}

func TestPaint(t *testing.T) {
	if got := paint(true).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := paint(false).red("x"); got != "x" {
		t.Errorf("%q", got)
	}
}
