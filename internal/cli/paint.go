package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// paint colours text for one stream; on anything but a terminal, with
// NO_COLOR or TERM=dumb it changes nothing.
type paint bool

func (a *app) paint(w io.Writer) paint {
	return paint(isTerminal(w) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb")
}

func (p paint) wrap(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string   { return p.wrap("1", s) }
func (p paint) dim(s string) string    { return p.wrap("2", s) }
func (p paint) red(s string) string    { return p.wrap("31", s) }
func (p paint) green(s string) string  { return p.wrap("32", s) }
func (p paint) yellow(s string) string { return p.wrap("33", s) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// pageWidth is the terminal's, 80 where it does not say; 0 where w is none, as
// what reads a pipe wants lines, not a page.
func pageWidth(w io.Writer) int {
	const usual = 80
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns < 20 {
		return usual
	}
	return columns
}
