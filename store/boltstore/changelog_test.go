package boltstore

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// plainLog is a log without times. It is read when nothing writes.
func plainLog(to *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// TestALineForEachChange: each change that is stored is one line of the log,
// also a batch, and what changed nothing is none.
func TestALineForEachChange(t *testing.T) {
	var log bytes.Buffer
	s := mustOpen(t, dbPath(t), Options{Log: plainLog(&log)})
	who := store.Caller{Actor: "uid:1000", Origin: "unix", OnBehalfOf: "anna"}
	selector := routes.Selector{Interface: "Port3", Destination: numbered(0).Destination(), NextHop: numbered(0).NextHop()}
	apply := func(req store.Request) {
		t.Helper()
		req.Caller = who
		if _, err := s.Apply(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want string // of the new lines
	}{
		{"add", func() { apply(store.Request{Action: "add", Items: adds(0, 1), RequestID: "r-1"}) },
			`action=add actor=uid:1000 origin=unix revision=1 on_behalf_of=anna request_id=r-1 items=1 refused=0 before=0 after=1 route="20.0.0.0/24 .* metric 256"`},
		{"the same again", func() { apply(store.Request{Action: "add", Items: adds(0, 1), RequestID: "r-1"}) }, ""},
		{"what is there", func() { apply(store.Request{Action: "add", Items: adds(0, 1)}) }, ""},
		{"validate", func() { apply(store.Request{Action: "add", Items: adds(7, 1), ValidateOnly: true}) }, ""},
		{"set", func() {
			apply(store.Request{Action: "set", Items: []store.Item{{Op: store.OpSet, Selector: selector, Change: routes.Change{Metric: 300}}}})
		}, `action=set .* revision=2 .* items=1 refused=0 before=1 after=1 was="20.0.0.0/24 .* metric 256" route="20.0.0.0/24 .* metric 300"`},
		{"remove", func() {
			apply(store.Request{Action: "remove", Items: []store.Item{{Op: store.OpRemove, Selector: selector}}})
		}, `action=remove .* items=1 refused=0 before=1 after=0 was="20.0.0.0/24 .* metric 300"`},
		{"a batch", func() {
			items := append(adds(0, 10_000), store.Item{Op: store.OpAdd, Refused: &routes.Error{Reason: routes.BadRequest}})
			apply(store.Request{Action: "batch", Items: items})
		}, `action=batch actor=uid:1000 origin=unix revision=4 on_behalf_of=anna items=10001 refused=1 before=0 after=10000`},
		{"a note", func() { must(t, s.Note(t.Context(), who, "adopt-node", "node n1")) },
			`action=adopt-node actor=uid:1000 origin=unix revision=4 on_behalf_of=anna note="node n1"`},
		{"a refused caller", func() { must(t, s.Note(t.Context(), who, store.RefusedCaller, "Add: no")) }, ""},
		{"the epoch", func() { must(t, s.RaiseEpoch(t.Context(), 7, who)) }, `action=raise-epoch .* note="epoch 8, was 1"`},
		{"the end", func() { must(t, s.Close()) }, ""}, // with the record of those that changed nothing
	} {
		log.Reset()
		c.do()
		want := "^$"
		if c.want != "" {
			want = `^level=INFO msg="a change was stored" ` + c.want + "\n$"
		}
		if !regexp.MustCompile(want).MatchString(log.String()) {
			t.Errorf("%s: the log says\n%swant\n%s", c.what, &log, want)
		}
	}
	records, _, err := mustOpen(t, s.path, Options{}).Audit(t.Context(), store.AuditQuery{})
	must(t, err)
	if !slices.ContainsFunc(records, func(r store.AuditRecord) bool { return r.Action == store.NoChange }) {
		t.Error("what changed nothing is not in the audit; the case shows nothing")
	}
}

// TestAChangeThatFailedIsNotLogged, and a full disk is one line however many try.
func TestAChangeThatFailedIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	fault := &commitFault{}
	s := mustOpen(t, dbPath(t), Options{Log: plainLog(&log), commit: fault.commit})
	log.Reset()
	for n := range 3 {
		fault.fault = failBefore(&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
		wantReason(t, addOne(s, n), routes.DiskFull)
	}
	mustAdd(t, s, 0, 2)
	fault.fault = failBefore(syscall.EIO)
	wantReason(t, addOne(s, 5), routes.StoreFailed)
	var said []string
	for line := range strings.Lines(log.String()) {
		said = append(said, regexp.MustCompile(`^level=([A-Z]+) msg="([^"]+)".*\n$`).ReplaceAllString(line, "$1 $2"))
	}
	want := []string{
		"ERROR the disk is full; writes are refused until there is room", "INFO the disk has room again; writes are stored",
		"INFO a change was stored", "ERROR the store takes no more writes",
	}
	if !slices.Equal(said, want) {
		t.Errorf("the log says\n%s", &log)
	}
}

// TestManyWritersHaveALineEach, each with the revision that was its own.
func TestManyWritersHaveALineEach(t *testing.T) {
	var log bytes.Buffer
	s := mustOpen(t, dbPath(t), Options{Log: plainLog(&log)})
	done := make(chan error)
	const writers = 50
	for n := range writers {
		go func() { done <- addOne(s, n) }()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	text := log.String()
	for n := range writers {
		if strings.Count(text, fmt.Sprintf(" revision=%d items=1 ", n+1)) != 1 || strings.Count(text, `route="`+numbered(n).String()+`"`) != 1 {
			t.Errorf("no line, or several, for revision %d or %v\n%s", n+1, numbered(n), text)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
