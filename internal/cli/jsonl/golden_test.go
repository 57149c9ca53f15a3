package jsonl_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/internal/cli/jsonl"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

var update = flag.Bool("update", false, "write the golden files")

func connect(t testing.TB, address string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// session talks to a running jsonl, one request at a time.
type session struct {
	t   *testing.T
	in  *io.PipeWriter
	out *bufio.Scanner
	end chan error
}

func start(t *testing.T, address string) *session {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &session{t: t, in: inW, out: bufio.NewScanner(outR), end: make(chan error, 1)}
	s.out.Buffer(nil, 4<<20)
	c := connect(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		err := jsonl.Run(ctx, jsonl.Options{In: inR, Out: outW, Client: c, ProgressEvery: time.Minute})
		_ = outW.Close()
		s.end <- err
	}()
	t.Cleanup(func() {
		cancel()
		_ = inW.Close()
		_ = outR.Close()
	})
	return s
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatal(err)
	}
}

// answer reads up to the line that ends a request.
func (s *session) answer() (lines []string) {
	s.t.Helper()
	for s.out.Scan() {
		line := s.out.Text()
		lines = append(lines, line)
		if strings.Contains(line, `"type":"done"`) || strings.Contains(line, `"fatal":true`) {
			return lines
		}
	}
	s.t.Fatalf("the output ended after %q", lines)
	return nil
}

// finish ends the input and returns what Run returned.
func (s *session) finish() error {
	s.t.Helper()
	_ = s.in.Close()
	if s.out.Scan() {
		s.t.Errorf("a line too many: %s", s.out.Text())
	}
	return <-s.end
}

// TestGolden sends each line of testdata/*.in once the one before is answered
// and compares all answers with *.golden. Lines that begin with # are comments.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in")
	if err != nil || len(inputs) == 0 {
		t.Fatal("no testdata", err)
	}
	closed := loadSchema(t, true)
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			var o clitest.Options
			if strings.HasPrefix(name, "silent") {
				o.Silent = "k8s-worker"
			}
			s := start(t, clitest.Start(t, o).Address)
			var got strings.Builder
			fatal := false
			for line := range strings.Lines(string(data)) {
				if strings.HasPrefix(line, "#") {
					continue
				}
				s.send(line)
				for _, answer := range s.answer() {
					checkAnswer(t, closed, answer)
					got.WriteString(normalized(answer) + "\n")
					fatal = strings.Contains(answer, `"fatal":true`)
				}
			}
			var e *routes.Error
			if err := s.finish(); fatal != errors.As(err, &e) || !fatal && err != nil {
				t.Errorf("Run returned %v, fatal is %v", err, fatal)
			}
			compare(t, filepath.Join("testdata", name+".golden"), got.String())
		})
	}
}

// normalized is an answer with what differs from one service to the next replaced.
func normalized(answer string) string {
	for field, value := range map[string]string{"start_time": "TIME", "store_id": "ID", "store_path": "PATH", "hash": "HASH"} {
		answer = regexp.MustCompile(`"`+field+`":"[^"]+"`).ReplaceAllString(answer, `"`+field+`":"`+value+`"`)
	}
	return regexp.MustCompile(`"store_bytes":[1-9][0-9]*`).ReplaceAllString(answer, `"store_bytes":BYTES`)
}

// TestSchemaOfRequests: the schema takes what the program takes, and refuses
// what the program refuses.
func TestSchemaOfRequests(t *testing.T) {
	s := loadSchema(t, false)
	for _, c := range []struct {
		file string
		good bool
	}{{"change", true}, {"items", true}, {"order", true}, {"query", true}, {"silent", true}, {"refused", false}} {
		data, err := os.ReadFile("testdata/" + c.file + ".in")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "#") || strings.Contains(line, "still here") {
				continue
			}
			if err := s.check("request", line); (err == nil) != c.good {
				t.Errorf("%s: %v: %s", c.file, err, line)
			}
		}
	}
}

// TestSchemaHasEveryStatusWord: the words of "states" are the program's.
func TestSchemaHasEveryStatusWord(t *testing.T) {
	s := loadSchema(t, false)
	var want []string
	for _, w := range view.StatusWords() {
		want = append(want, w.Word)
		line := `{"v":1,"id":"1","op":"get","filter":{"states":["` + w.Word + `"]}}`
		if err := s.check("request", line); err != nil {
			t.Errorf("%s: %v", w.Word, err)
		}
	}
	if !slices.Contains(want, "STANDBY") || !slices.Contains(want, "INTERFACE_GONE") || slices.Contains(want, "STORE_BEHIND") {
		t.Errorf("words: %q", want)
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (go test -update writes it): got\n%s\nwant\n%s", file, got, want)
	}
}
