package cli

import (
	"slices"
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

// outdented folds text whose first line begins at the left, and the further ones
// indent columns from there.
func outdented(text string, limit, indent int) string {
	if limit == 0 {
		return text
	}
	lines := fold(text, limit)
	if len(lines) < 2 {
		return text
	}
	return lines[0] + "\n" + strings.Repeat(" ", indent) + hanging(strings.Join(lines[1:], " "), limit, indent)
}

// fold breaks text between words into lines of limit columns. A word that is
// longer stays whole, so that it can be copied, and so does a quoted command.
func fold(text string, limit int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range phrases(strings.Fields(text), limit) {
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

// phrases joins the words between two single quotes, where a line holds them all.
func phrases(words []string, limit int) (list []string) {
	for len(words) > 0 {
		n := 1
		if strings.HasPrefix(words[0], "'") {
			end := slices.IndexFunc(words, func(word string) bool { return strings.HasSuffix(strings.TrimRight(word, ".,;:)"), "'") })
			if end > 0 && textWidth(strings.Join(words[:end+1], " ")) <= limit {
				n = end + 1
			}
		}
		list, words = append(list, strings.Join(words[:n], " ")), words[n:]
	}
	return list
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
