package config

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Output is where a process writes its log and its last words.
type Output struct {
	io.Writer
	// Journal: systemd's journal reads it. It takes a priority at the start of
	// each line for the line's own, and notes the time by itself.
	Journal bool
}

// OutputTo is the output to w. It is the journal's where JOURNAL_STREAM names
// this very file: the variable is inherited by programs whose output somebody
// has redirected since.
func OutputTo(w io.Writer, environ []string) Output {
	f, ok := w.(*os.File)
	if !ok {
		return Output{Writer: w}
	}
	stream := Lookup(environ, "JOURNAL_STREAM")
	return Output{Writer: w, Journal: stream != "" && stream == fileID(f)}
}

// Fail writes why the process ends, each line of it with the priority of an error.
func (o Output) Fail(text string) {
	text = strings.TrimSuffix(text, "\n")
	if o.Journal {
		start := priority(rank(slog.LevelError))
		text = start + strings.ReplaceAll(text, "\n", "\n"+start)
	}
	_, _ = io.WriteString(o.Writer, text+"\n") // there is nowhere to report an error
}

// handler is inner's handler over the output: for the journal one for each priority.
func (o Output) handler(inner func(io.Writer, *slog.HandlerOptions) slog.Handler, opts slog.HandlerOptions) slog.Handler {
	if !o.Journal {
		return inner(o.Writer, &opts)
	}
	opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	var j journal
	for rank := range j {
		j[rank] = inner(prefixed{o.Writer, priority(rank)}, &opts)
	}
	return j
}

// rank is the index of a level's handler in a journal.
func rank(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 2
	case level >= slog.LevelInfo:
		return 1
	}
	return 0
}

// priority is the priority of a rank's lines, as sd-daemon(3) has it.
func priority(rank int) string { return [...]string{"<7>", "<6>", "<4>", "<3>"}[rank] }

// prefixed writes each line, which comes as one Write, with its prefix as one Write.
type prefixed struct {
	io.Writer
	prefix string
}

func (p prefixed) Write(line []byte) (int, error) {
	if _, err := p.Writer.Write(append([]byte(p.prefix), line...)); err != nil {
		return 0, fmt.Errorf("write the log: %w", err)
	}
	return len(line), nil
}

// journal has a handler for each rank.
type journal [4]slog.Handler

func (j journal) Enabled(ctx context.Context, level slog.Level) bool { return j[0].Enabled(ctx, level) }

func (j journal) Handle(ctx context.Context, r slog.Record) error {
	return j[rank(r.Level)].Handle(ctx, r)
}

func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i, h := range j {
		j[i] = h.WithAttrs(attrs)
	}
	return j
}

func (j journal) WithGroup(name string) slog.Handler {
	for i, h := range j {
		j[i] = h.WithGroup(name)
	}
	return j
}
