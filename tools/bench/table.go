package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	beginMark = "<!-- bench:begin, written by make bench -->"
	endMark   = "<!-- bench:end -->"
	pageName  = "performance.md"
	chartName = "performance.svg"
)

// markdown is the table with the machine above it.
func markdown(machine string, table []Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s Figures are the median with the least and greatest of the run, or p50 and p99.\n\n", machine)
	b.WriteString("| row | work | hcsroute | bare limit, same run | peers, same run | goal | reached |\n|---|---|---|---|---|---|---|\n")
	for _, l := range table {
		var peers []string
		for _, p := range l.Peers {
			peers = append(peers, p.Name+": "+p.Text)
		}
		reached := l.Reached
		if l.Verdict != Shown {
			reached = strings.TrimPrefix(strings.TrimSuffix(reached, ", ")+", "+string(l.Verdict), ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", l.Row, l.Work, cell(l.Ours), cell(l.Limit), strings.Join(peers, "<br>"), l.Goal, reached)
	}
	return b.String()
}

func cell(f Figure) string {
	switch {
	case f.Text == "":
		return "–"
	case f.Name == "":
		return f.Text
	}
	return f.Name + ": " + f.Text
}

// writeDocs puts table and chart into a folder. Of performance.md only what is
// between the marks changes; without the file, or the marks, it is an error.
func writeDocs(dir, machine string, table []Line) error {
	path := filepath.Join(dir, pageName)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return fmt.Errorf("%s lacks the lines %q and %q, between which the table goes", path, beginMark, endMark)
	}
	page := before + beginMark + "\n\n" + markdown(machine, table) + "\n" + endMark + after
	return errors.Join(os.WriteFile(path, []byte(page), 0o644), os.WriteFile(filepath.Join(dir, chartName), []byte(chart(machine, table)), 0o644))
}
