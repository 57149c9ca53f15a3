package cli

import (
	"strings"

	"golang.org/x/text/width"
)

// hanging folds text that stands indent columns from the left: its further
// lines begin there as well. limit is the page's, 0 for one line.
func hanging(text string, limit, indent int) string {
	if limit == 0 {
		return text
	}
	return strings.Join(fold(text, limit-indent), "\n"+strings.Repeat(" ", indent))
}

// fold breaks text between words into lines of limit columns. A word that is
// longer stays whole, so that it can be copied.
func fold(text string, limit int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(text) {
		n := textWidth(word)
		switch {
		case used == 0:
			line, used = word, n
		case used+1+n > limit:
			lines = append(lines, line)
			line, used = word, n
		default:
			line, used = line+" "+word, used+1+n
		}
	}
	if used > 0 {
		lines = append(lines, line)
	}
	return lines
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
	if r < 0x300 {
		return 1
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
