package cli

import (
	"io"
	"strings"
)

// column is one column of a table.
type column struct {
	title string
	right bool
	// width is the column's on a page that is too narrow for the longest cells;
	// 0 is as wide as they are. A cell that is longer stays whole.
	width int
	// list has values between commas in a cell; a page shows them below each other.
	list bool
	// colour paints a cell; noted is true where the row has something to say.
	colour func(p paint, cell string, noted bool) string
}

// Notes stand beside a row where there are so many columns for them, otherwise
// below it, and there a little to the right.
const (
	besideColumns = 48
	noteIndent    = 4
)

// table writes rows whose values are never cut. On a page with a limit, what is
// longer than its column moves the rest of the row to the next line, and the
// notes that do not fit beside a row are folded below it. Without a limit a row
// is one line.
type table struct {
	columns []column
	title   string // of the notes
	rows    []row
	limit   int
	paint   paint
}

// row has a cell for each column, and sentences about them.
type row struct{ cells, notes []string }

// add adds a row; of the notes, those that say something.
func (t *table) add(cells []string, notes ...string) {
	var r row
	for _, cell := range cells {
		r.cells = append(r.cells, clean(cell))
	}
	for _, note := range notes {
		if note != "" {
			r.notes = append(r.notes, clean(note))
		}
	}
	t.rows = append(t.rows, r)
}

func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	widths := t.widths()
	var b strings.Builder
	for _, l := range t.head(widths) {
		l.end(&b)
	}
	for _, r := range t.rows {
		for _, l := range t.lay(r, widths) {
			l.end(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widths gives each column what its cells need, or on a page that is too narrow
// for that no more than its width.
func (t *table) widths() []int {
	widths, total := make([]int, len(t.columns)), 2*(len(t.columns)-1)
	for i, c := range t.columns {
		widths[i] = len(c.title)
		for _, r := range t.rows {
			for _, value := range t.values(i, r) {
				widths[i] = max(widths[i], textWidth(value))
			}
		}
		total += widths[i]
	}
	if t.limit == 0 || total <= t.limit {
		return widths
	}
	for i, c := range t.columns {
		if c.width > 0 {
			widths[i] = min(widths[i], max(c.width, len(c.title)))
		}
	}
	return widths
}

// values are what stands in a column of a row, one below the other.
func (t *table) values(i int, r row) []string {
	if t.columns[i].list && t.limit > 0 {
		return strings.Split(r.cells[i], ",")
	}
	return r.cells[i : i+1]
}

// head is the line of titles; that of the notes is there where there are any.
func (t *table) head(widths []int) lines {
	var l lines
	at := 0
	for i, c := range t.columns {
		left := at
		if c.right {
			left += widths[i] - len(c.title)
		}
		l.put(0, left, c.title, t.paint.bold(c.title))
		at += widths[i] + 2
	}
	for _, r := range t.rows {
		if len(r.notes) > 0 && (t.limit == 0 || at+len(t.title) <= t.limit) {
			l.put(0, at, t.title, t.paint.bold(t.title))
			break
		}
	}
	return l
}

// lay puts a row on as many lines as it needs.
func (t *table) lay(r row, widths []int) lines {
	var l lines
	at, top := 0, 0
	for i, c := range t.columns {
		values, over := t.values(i, r), false
		for n, value := range values {
			left, free := at, widths[i]-textWidth(value)
			if c.right {
				left += max(free, 0)
			}
			over = over || free < 0
			if beyond := left + textWidth(value) - t.limit; t.limit > 0 && beyond > 0 {
				// It would reach over the page's edge, so it ends there.
				left = max(left-beyond, 0)
				if top+n < len(l) && l[top+n].width > left {
					top++
				}
			}
			painted := value
			if c.colour != nil {
				painted = c.colour(t.paint, value, len(r.notes) > 0)
			}
			l.put(top+n, left, value, painted)
		}
		if at += widths[i] + 2; over {
			top += len(values)
		}
	}
	t.note(&l, r.notes, position{top, at})
	return l
}

// position is a line and a column of it.
type position struct{ line, column int }

// note puts notes beside the row, or below it where there is little room.
func (t *table) note(l *lines, notes []string, beside position) {
	room := t.limit - beside.column
	switch {
	case len(notes) == 0:
	case t.limit == 0:
		all := strings.Join(notes, "; ")
		l.put(beside.line, beside.column, all, all)
	case len(notes) == 1 && textWidth(notes[0]) <= room, room >= besideColumns && longestWord(notes) <= room-2:
		l.fold(notes, beside, t.limit)
	default:
		l.fold(notes, position{len(*l), noteIndent}, t.limit)
	}
}

func longestWord(notes []string) int {
	longest := 0
	for _, note := range notes {
		for _, word := range strings.Fields(note) {
			longest = max(longest, textWidth(word))
		}
	}
	return longest
}

// lines are the lines of one row. What is put on a line is right of what it has.
type lines []laid

type laid struct {
	text  string
	width int
}

func (l *lines) put(line, column int, plain, painted string) {
	if plain == "" {
		return
	}
	for len(*l) <= line {
		*l = append(*l, laid{})
	}
	at := &(*l)[line]
	at.text += strings.Repeat(" ", max(column-at.width, 0)) + painted
	at.width = max(column, at.width) + textWidth(plain)
}

// fold puts each note on lines of its own, the second and further ones of a
// note a little more to the right.
func (l *lines) fold(notes []string, from position, limit int) {
	room := limit - from.column
	for _, note := range notes {
		folded := fold(note, room)
		further := fold(strings.Join(folded[1:], " "), room-2)
		for n, text := range append(folded[:1], further...) {
			l.put(from.line, from.column+2*min(n, 1), text, text)
			from.line++
		}
	}
}

func (l laid) end(b *strings.Builder) {
	b.WriteString(strings.TrimRight(l.text, " "))
	b.WriteByte('\n')
}
