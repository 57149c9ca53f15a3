package jsonl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/internal/cli/jsonl"
	"github.com/hcsroute/hcsroute/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runAll gives the whole input at once and returns the lines of output.
func runAll(t *testing.T, input string) ([]string, error) {
	t.Helper()
	var out bytes.Buffer
	err := jsonl.Run(t.Context(), jsonl.Options{In: strings.NewReader(input), Out: &out, Client: connect(t, clitest.Start(t, clitest.Options{}).Address), ProgressEvery: time.Minute})
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	s := loadSchema(t, true)
	for _, line := range lines {
		if line != "" {
			checkAnswer(t, s, line)
		}
	}
	return lines, err
}

func adds(first, requests, each int, options string) string {
	var b strings.Builder
	n := first
	for r := range requests {
		fmt.Fprintf(&b, `{"v":1,"id":"r%d","op":"add"%s,"routes":[`, r, options)
		for i := range each {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"interface":"Port3","destination":"10.%d.%d.0/24","next_hop":"192.168.20.1"}`, n/256, n%256)
			n++
		}
		b.WriteString("]}\n")
	}
	return b.String()
}

// TestManyTogether sends 10,000 routes in 50 lines: few transactions, and
// an answer for each request, in order.
func TestManyTogether(t *testing.T) {
	m := clitest.Start(t, clitest.Options{})
	c := connect(t, m.Address)
	var out bytes.Buffer
	if err := jsonl.Run(t.Context(), jsonl.Options{In: strings.NewReader(adds(0, 50, 200, `,"wait":"programmed"`)), Out: &out, Client: c}); err != nil {
		t.Fatal(err)
	}
	batches := m.Batches()
	if len(batches) > 10 {
		t.Errorf("%d transactions for 50 requests: %v", len(batches), batches)
	}
	total := 0
	for _, n := range batches {
		total += n
	}
	if total != 10_000 {
		t.Errorf("%d items in %v", total, batches)
	}
	var done []string
	for line := range strings.Lines(out.String()) {
		var a struct {
			ID, Type string
			Counts   struct{ Created int }
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.Type == "done" {
			done = append(done, a.ID)
			if a.Counts.Created != 200 {
				t.Errorf("%s created %d", a.ID, a.Counts.Created)
			}
		}
	}
	for i, id := range done {
		if id != fmt.Sprintf("r%d", i) {
			t.Fatalf("answers out of order: %v", done)
		}
	}
	if len(done) != 50 {
		t.Errorf("%d answers", len(done))
	}
}

// TestNeverTogether: other options, another op or a request id of its own
// keep requests apart.
func TestNeverTogether(t *testing.T) {
	hold := make(chan struct{})
	m := clitest.Start(t, clitest.Options{Hold: hold})
	var in strings.Builder
	in.WriteString(adds(0, 1, 2, ""))
	in.WriteString(adds(2, 1, 2, `,"force":true`))
	in.WriteString(adds(4, 1, 2, `,"request_id":"00000000-0000-4000-8000-000000000001"`))
	in.WriteString(adds(6, 1, 2, `,"request_id":"00000000-0000-4000-8000-000000000002"`))
	in.WriteString(adds(8, 1, 2, ""))
	in.WriteString(`{"v":1,"id":"x","op":"remove","all":true,"routes":[{"interface":"Port3","destination":"10.0.0.0/24"},{"interface":"Port3","destination":"10.0.1.0/24"}]}` + "\n")
	// The service answers once all of the input was read, so that all could be joined.
	read := &signalReader{Reader: strings.NewReader(in.String()), end: hold}
	if err := jsonl.Run(t.Context(), jsonl.Options{In: read, Out: io.Discard, Client: connect(t, m.Address)}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Batches()); got != "[2 2 2 2 2 2]" {
		t.Errorf("transactions %s", got)
	}
}

// signalReader closes end when everything was read.
type signalReader struct {
	io.Reader
	end chan struct{}
}

func (r *signalReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF && r.end != nil {
		close(r.end)
		r.end = nil
	}
	return n, err
}

func TestInputForms(t *testing.T) {
	const get = `{"v":1,"id":"1","op":"get"}`
	long := `{"v":1,"id":"` + strings.Repeat("x", 1<<20) + `","op":"get"}`
	for _, c := range []struct {
		name, input string
		answers     int
		fatal       string // its problem
	}{
		{"nothing", "", 0, ""},
		{"empty lines", "\n\r\n  \n", 0, ""},
		{"byte order mark", "\xef\xbb\xbf" + get + "\n", 1, ""},
		{"CR LF", get + "\r\n" + get + "\r\n", 2, ""},
		{"no line end", get, 1, ""},
		{"garbage", "hello\n" + get + "\n", 0, "not a JSON object"},
		{"half an object", `{"v":1,"id":"1"` + "\n" + get + "\n", 0, "not valid JSON"},
		{"two objects", get + get + "\n", 0, "not valid JSON"},
		{"an array", "[]\n", 0, "not a JSON object"},
		{"null", "null\n", 0, "no id"},
		{"id of the wrong type", `{"v":1,"id":1,"op":"get"}` + "\n", 0, "does not fit"},
		{"no id", `{"v":1,"op":"get"}` + "\n", 0, "no id"},
		{"UTF-16", "\xff\xfe{\x00\"\x00v\x00\n\x00", 0, "UTF-16"},
		{"a line too long", long + "\n" + get + "\n", 0, "longer than"},
		{"a line as long as it may be", `{"v":1,"id":"1","op":"get"` + strings.Repeat(" ", 1<<20-len(get)) + "}\n", 1, ""},
		{"after a good one", get + "\ngarbage\n", 1, "not a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, err := runAll(t, c.input)
			text := strings.Join(lines, "\n")
			if got := strings.Count(text, `"type":"done"`); got != c.answers {
				t.Errorf("%d answers, want %d: %.300s", got, c.answers, text)
			}
			var e *routes.Error
			switch {
			case c.fatal == "" && err != nil:
				t.Errorf("error %v", err)
			case c.fatal == "":
			case !errors.As(err, &e) || e.Reason != routes.BadRequest || !strings.Contains(e.Problem, c.fatal):
				t.Errorf("error %v", err)
			case !strings.Contains(lines[len(lines)-1], `"fatal":true`):
				t.Errorf("the last line is not fatal: %.300s", text)
			}
		})
	}
}

func TestTooManyRoutes(t *testing.T) {
	lines, err := runAll(t, adds(0, 1, 1001, ""))
	if err != nil || len(lines) != 2 || !strings.Contains(lines[0], "BATCH_TOO_LARGE") || !strings.Contains(lines[1], `"refused":1001`) {
		t.Errorf("%v %.500s", err, lines)
	}
}

func TestUnreachable(t *testing.T) {
	var out bytes.Buffer
	err := jsonl.Run(t.Context(), jsonl.Options{In: strings.NewReader(adds(0, 2, 1, "")), Out: &out, Client: connect(t, "unix:///nonexistent/s.sock")})
	var e *routes.Error
	if !errors.As(err, &e) || e.Reason != routes.Unavailable {
		t.Errorf("error %v", err)
	}
	if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), `"fatal":true`) {
		t.Errorf("output %s", out.String())
	}
}

func TestWatch(t *testing.T) {
	address := clitest.Start(t, clitest.Options{}).Address
	s, other := start(t, address), start(t, address)
	other.send(adds(0, 1, 1, ""))
	other.answer()
	s.send(`{"v":1,"id":"w","op":"watch"}` + "\n")
	want := func(kind string) {
		t.Helper()
		if !s.out.Scan() || !strings.Contains(s.out.Text(), `"kind":"`+kind+`"`) {
			t.Fatalf("got %s, want %s", s.out.Text(), kind)
		}
	}
	want("CURRENT")
	want("IN_SYNC")
	other.send(adds(1, 1, 1, ""))
	other.answer()
	want("ADDED")
	s.send("\n") // an empty line keeps the input alive and ends nothing
	other.send(`{"v":1,"id":"r","op":"remove","routes":[{"interface":"Port3","destination":"10.0.1.0/24"}]}` + "\n")
	other.answer()
	want("REMOVED")
	s.send(`{"v":1,"id":"next","op":"get"}` + "\n")
	if lines := s.answer(); len(lines) != 1 || !strings.Contains(lines[0], `"id":"w"`) {
		t.Errorf("the watch ended with %s", lines)
	}
	if lines := s.answer(); !strings.Contains(lines[0], `"id":"next"`) {
		t.Errorf("then %s", lines)
	}
	for _, x := range []*session{s, other} {
		if err := x.finish(); err != nil {
			t.Error(err)
		}
	}
}

// TestWatchEnds: at the end of the input a watch has still shown the routes as they are.
func TestWatchEnds(t *testing.T) {
	lines, err := runAll(t, adds(0, 1, 3, "")+`{"v":1,"id":"w","op":"watch"}`)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	if strings.Count(text, `"CURRENT"`) != 3 || strings.Count(text, `"IN_SYNC"`) != 1 || !strings.Contains(lines[len(lines)-1], `"type":"done"`) {
		t.Errorf("%s", text)
	}
}

func TestProgress(t *testing.T) {
	hold := make(chan struct{})
	m := clitest.Start(t, clitest.Options{Hold: hold})
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	end := make(chan error, 1)
	c := connect(t, m.Address)
	go func() {
		end <- jsonl.Run(t.Context(), jsonl.Options{In: inR, Out: outW, Client: c, ProgressEvery: time.Millisecond})
		_ = outW.Close()
	}()
	_, _ = io.WriteString(inW, adds(0, 1, 3, ""))
	_ = inW.Close()
	d := json.NewDecoder(outR)
	var first struct {
		Type, Phase, ID string
		Done, Total     int
	}
	if err := d.Decode(&first); err != nil || first.Type != "progress" || first.Phase != "storing" || first.Total != 3 || first.ID != "r0" {
		t.Errorf("%+v %v", first, err)
	}
	close(hold)
	_, _ = io.Copy(io.Discard, io.MultiReader(d.Buffered(), outR))
	if err := <-end; err != nil {
		t.Error(err)
	}
}

// TestReaderLeaves: a broken pipe ends the program with that error, at once.
func TestReaderLeaves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	err = jsonl.Run(t.Context(), jsonl.Options{In: strings.NewReader(adds(0, 3, 1, "")), Out: w, Client: connect(t, clitest.Start(t, clitest.Options{}).Address)})
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("error %v", err)
	}
}

func TestInterrupt(t *testing.T) {
	m := clitest.Start(t, clitest.Options{Hold: make(chan struct{})}) // never answers
	inR, inW := io.Pipe()
	defer inW.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	end := make(chan error, 1)
	c := connect(t, m.Address)
	go func() { end <- jsonl.Run(ctx, jsonl.Options{In: inR, Out: &out, Client: c}) }()
	_, _ = io.WriteString(inW, adds(0, 1, 1, ""))
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if strings.Contains(out.String(), "error") {
		t.Errorf("output %s", out.String())
	}
}
