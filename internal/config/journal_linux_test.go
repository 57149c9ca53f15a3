package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// socket is a stream socket as systemd gives it to a service, its other end,
// and what JOURNAL_STREAM says of it.
func socket(t *testing.T) (stderr, journald *os.File, stream string) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	stderr, journald = os.NewFile(uintptr(ends[0]), "stderr"), os.NewFile(uintptr(ends[1]), "journald")
	t.Cleanup(func() { _, _ = stderr.Close(), journald.Close() })
	var stat unix.Stat_t
	if err := unix.Fstat(ends[0], &stat); err != nil {
		t.Fatal(err)
	}
	return stderr, journald, fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino)
}

// next is what one write has sent: the socket keeps the bounds of writes.
func next(t *testing.T, journald *os.File) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := journald.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestTheJournalGetsPriorities: each line in one write, with the priority of
// its level in front and without a time, which the journal has by itself.
func TestTheJournalGetsPriorities(t *testing.T) {
	for format, line := range map[string]string{
		"text": "level=%[1]s msg=hello node=n1 part.why=\"a\\nb\"\n",
		"json": `{"level":"%[1]s","msg":"hello","node":"n1","part":{"why":"a\nb"}}` + "\n",
	} {
		stderr, journald, stream := socket(t)
		handler, err := Log{Level: "debug", Format: format}.Handler(OutputTo(stderr, []string{stream}), new(slog.LevelVar))
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(handler).With("node", "n1").WithGroup("part")
		for _, c := range []struct {
			level  slog.Level
			prefix string
		}{
			{slog.LevelDebug, "<7>"}, {slog.LevelInfo, "<6>"}, {slog.LevelInfo + 1, "<6>"},
			{slog.LevelWarn, "<4>"}, {slog.LevelError, "<3>"}, {slog.LevelError + 4, "<3>"},
		} {
			log.Log(t.Context(), c.level, "hello", "why", "a\nb")
			if got, want := next(t, journald), c.prefix+fmt.Sprintf(line, c.level); got != want {
				t.Errorf("%s, %v: %q, want %q", format, c.level, got, want)
			}
		}
	}
}

// TestLastWordsHavePriorities: a configuration may have several mistakes, each
// on a line of its own.
func TestLastWordsHavePriorities(t *testing.T) {
	stderr, journald, stream := socket(t)
	OutputTo(stderr, []string{stream}).Fail("hcsrouted: " + errors.Join(errors.New("one"), errors.New("two")).Error())
	if got := next(t, journald); got != "<3>hcsrouted: one\n<3>two\n" {
		t.Errorf("%q", got)
	}
}

// TestOnlyTheJournalGetsPriorities: who redirects a program's output gets it
// plain, with the time, though the variable is inherited.
func TestOnlyTheJournalGetsPriorities(t *testing.T) {
	other, _, stream := socket(t)
	stderr, reader, _ := socket(t)
	for name, out := range map[string]Output{
		"no variable":     OutputTo(stderr, nil),
		"an empty one":    OutputTo(stderr, []string{"JOURNAL_STREAM="}),
		"another's":       OutputTo(stderr, []string{stream}),
		"nonsense":        OutputTo(stderr, []string{"JOURNAL_STREAM=x"}),
		"a closed stderr": {Writer: stderr, Journal: OutputTo(closed(t), []string{"JOURNAL_STREAM="}).Journal},
	} {
		handler, err := Log{Level: "info", Format: "text"}.Handler(out, new(slog.LevelVar))
		if err != nil {
			t.Fatal(err)
		}
		slog.New(handler).Info("hello")
		if got := next(t, reader); !strings.HasPrefix(got, "time=") || !strings.HasSuffix(got, " level=INFO msg=hello\n") {
			t.Errorf("%s: %q", name, got)
		}
		out.Fail("over")
		if got := next(t, reader); got != "over\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if !OutputTo(other, []string{stream}).Journal {
		t.Error("the journal's own is not known")
	}
}

func closed(t *testing.T) *os.File {
	t.Helper()
	f, _, _ := socket(t)
	_ = f.Close()
	return f
}
