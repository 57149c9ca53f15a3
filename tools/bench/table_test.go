package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var s sample
	for i := 100; i >= 1; i-- {
		s.add(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]string{0: "1.00 ms", 0.5: "50.0 ms", 0.99: "99.0 ms", 1: "100 ms"} {
		if got := seconds(s.quantile(q)); got != want {
			t.Errorf("quantile %v: %s, want %s", q, got, want)
		}
	}
	if got := seconds(s.median()); got != "50.5 ms" {
		t.Errorf("median %s", got)
	}
	if got := (sample{}).quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func lineOf(work string) Line {
	return Line{Row: "r", Work: work, Ours: figure("ours", sample{0.02, 0.01, 0.03}), Limit: figure("limit", sample{0.001}), Peers: []Figure{{Name: "peer", Text: absent}}, Goal: "g", Reached: "x", Verdict: Missed}
}

func TestDocsKeepWhatIsAround(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, pageName)
	if err := writeDocs(dir, "m", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the page: %v", err)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(dir, "m", nil); err == nil {
		t.Error("a page without marks was taken")
	}
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time finds what the first has written
		if err := writeDocs(dir, "machine", []Line{lineOf("work")}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	const row = "| r | work | ours: 20.0 ms (10.0 ms–30.0 ms) | limit: 1.00 ms | peer: not installed | g | x, **missed** |"
	if !strings.HasPrefix(page, "before\n") || !strings.HasSuffix(page, "\nafter\n") || strings.Count(page, row) != 1 || strings.Contains(page, "old") {
		t.Errorf("page:\n%s", page)
	}
}

func TestChartIsXML(t *testing.T) {
	for _, table := range [][]Line{nil, {lineOf("a < b & \"c\"")}, {{Work: "no duration"}}} {
		d := xml.NewDecoder(strings.NewReader(chart("m <&>", table)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}
