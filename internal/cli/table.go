package cli

import (
	"io"
	"strings"

	"golang.org/x/text/width"
)

// column is one column of a table.
type column struct {
	title string
	right bool
	// shrink is cut first when the table is too wide; the others follow, the widest first.
	shrink bool
	// least is how narrow the column may become, where more than minimum.
	least  int
	colour func(paint, string) string
}

// minimum is how narrow a column may become.
const minimum = 9

// table writes rows that fit the terminal: what is too long ends in "...",
// and nothing wraps. limit 0 does not cut.
type table struct {
	columns []column
	rows    [][]string
	limit   int
	paint   paint
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	t.drop()
	widths := t.widths()
	var b strings.Builder
	line := func(cells []string, title bool) {
		var l strings.Builder
		for i, c := range t.columns {
			text := cut(clean(cells[i]), widths[i])
			pad := strings.Repeat(" ", widths[i]-textWidth(text))
			switch {
			case title:
				text = t.paint.bold(text)
			case c.colour != nil:
				text = c.colour(t.paint, text)
			}
			if c.right {
				text, pad = pad+text, ""
			}
			if i > 0 {
				l.WriteString("  ")
			}
			l.WriteString(text)
			l.WriteString(pad)
		}
		b.WriteString(strings.TrimRight(l.String(), " "))
		b.WriteByte('\n')
	}
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	line(titles, true)
	for _, row := range t.rows {
		line(row, false)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// drop leaves out a last column that is empty in every row.
func (t *table) drop() {
	last := len(t.columns) - 1
	for _, row := range t.rows {
		if row[last] != "" {
			return
		}
	}
	t.columns = t.columns[:last]
}

// widths gives each column what its cells need, then takes what is too much.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	total := 2 * (len(t.columns) - 1)
	for i, c := range t.columns {
		widths[i] = len(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(clean(row[i])))
		}
		total += widths[i]
	}
	if t.limit == 0 {
		return widths
	}
	for _, only := range []bool{true, false} {
		for ; total > t.limit; total-- {
			widest := -1
			for i, c := range t.columns {
				if (c.shrink || !only) && widths[i] > max(minimum, c.least) && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
	return widths
}

// textWidth is the number of terminal columns: East Asian characters take two.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	default:
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			return 2
		}
		return 1
	}
}

func cut(s string, limit int) string {
	if textWidth(s) <= limit {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n > limit-3 {
			return s[:i] + "..."
		}
	}
	return s
}
