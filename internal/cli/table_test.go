package cli

import (
	"slices"
	"strings"
	"testing"
)

// TestTableCutsNothing: on every page each value is there whole, no line of
// values that a page can hold is wider than it, and without a limit a row is a line.
func TestTableCutsNothing(t *testing.T) {
	rows := [][]string{
		{"Port3", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff00/120", "2001:db8:20:1111:2222:3333:4444:5555", "65535", "WAITING"},
		{"이더넷 포트 3 이더넷", "192.168.21.0/24", "192.168.20.1", "1", "PROGRAMMED"},
		{"evil?[31m?name", "10.0.0.0/8", "192.168.20.1", "1", "FAILED"},
	}
	const note = "AGENT_UNREACHABLE on k8s-worker: no answer from tcp://172.28.7.12:7443, which is asked again every second; programmed when last seen"
	for _, limit := range []int{0, 60, 80, 120, 200} {
		tab := &table{columns: append(routeColumns(), column{title: "STATE"}), title: "WHY", limit: limit}
		tab.add(rows[0], note, "second")
		tab.add(rows[1])
		tab.add(append([]string{"evil\x1b[31m\nname"}, rows[2][1:]...))
		var b strings.Builder
		if err := tab.write(&b); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
		if limit == 0 && len(lines) != 1+len(rows) {
			t.Errorf("%d lines without a limit:\n%s", len(lines), page)
		}
		for _, value := range slices.Concat(rows...) {
			if !strings.Contains(page, value) {
				t.Errorf("limit %d: no %q in\n%s", limit, value, page)
			}
		}
		if got := strings.Join(strings.Fields(page), " "); limit >= 60 && limit < 120 && !strings.Contains(got, note+" second") {
			t.Errorf("limit %d: the note is not whole in\n%s", limit, page)
		}
		for _, line := range lines {
			if n := textWidth(line); limit >= 80 && n > limit || strings.ContainsRune(line, '\x1b') {
				t.Errorf("limit %d, width %d: %q", limit, n, line)
			}
		}
	}
}

// FuzzFold: folding keeps every word, and no line is longer than it has to be.
func FuzzFold(f *testing.F) {
	f.Add("이더넷 포트 is the third port", 9)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 200 {
			t.Skip()
		}
		lines := fold(s, limit)
		if got := strings.Fields(strings.Join(lines, " ")); !slices.Equal(got, strings.Fields(s)) {
			t.Fatalf("%q in %d: %q", s, limit, lines)
		}
		for _, line := range lines {
			if textWidth(line) > limit && len(strings.Fields(line)) > 1 {
				t.Fatalf("%q in %d: %q", s, limit, line)
			}
		}
	})
}

func TestHanging(t *testing.T) {
	if got := hanging("one two three", 0, 4); got != "one two three" {
		t.Errorf("%q", got)
	}
	if got := hanging("one two three", 12, 4); got != "one two\n    three" {
		t.Errorf("%q", got)
	}
}

func TestPaint(t *testing.T) {
	if got := paint(true).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := paint(false).red("x"); got != "x" {
		t.Errorf("%q", got)
	}
	if plain, noted := noteColour(true, "PROGRAMMED", false), noteColour(true, "PROGRAMMED", true); plain == noted || noted != paint(true).yellow("PROGRAMMED") {
		t.Errorf("a programmed route is %q, one with a warning %q", plain, noted)
	}
}
