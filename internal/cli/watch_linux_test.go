package cli_test

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// watching is a running 'hcsroute watch' whose lines come one at a time.
type watching struct {
	t         *testing.T
	lines     chan string
	code      chan int
	errs      strings.Builder
	interrupt context.CancelFunc
}

// startWatch runs watch with out as its standard output, whose other end is read.
func startWatch(t *testing.T, s *clitest.Service, out io.WriteCloser, read io.Reader, args ...string) *watching {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	w := &watching{t: t, lines: make(chan string, 100), code: make(chan int, 1), interrupt: interrupt}
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address, "TERM": "xterm"}
	go func() {
		code := cli.Main(ctx, cli.Streams{In: strings.NewReader(""), Out: out, Err: &w.errs, Getenv: func(k string) string { return env[k] }}, append([]string{"watch"}, args...))
		_ = out.Close()
		w.code <- code
	}()
	go func() {
		defer close(w.lines)
		for sc := bufio.NewScanner(read); sc.Scan(); {
			w.lines <- sc.Text()
		}
	}()
	t.Cleanup(interrupt)
	return w
}

// see waits for the next line.
func (w *watching) see(want string) {
	w.t.Helper()
	select {
	case got, ok := <-w.lines:
		if strings.TrimSuffix(got, "\r") != want || !ok {
			w.t.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(time.Minute):
		w.t.Fatalf("no line %q", want)
	}
}

// end interrupts watch: the code is the shells' for that, without a word more.
func (w *watching) end() {
	w.t.Helper()
	w.interrupt()
	select {
	case code := <-w.code:
		if code != 130 || w.errs.String() != "" {
			w.t.Errorf("code %d, errors %q", code, w.errs.String())
		}
	case <-time.After(time.Minute):
		w.t.Fatal("an interrupt did not end watch")
	}
	for line := range w.lines {
		w.t.Errorf("a line too many: %q", line)
	}
}

// TestWatchAsAPersonSeesIt: the routes as they are, then each change as it
// comes; in a pipe plain and whole, on a terminal the state in colour.
func TestWatchAsAPersonSeesIt(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	do := func(args ...string) {
		t.Helper()
		if stdout, stderr, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address}, args...); code != 0 {
			t.Fatalf("%v: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	do("add", "Port3", "192.168.21.0/24", "192.168.20.1", "-m", "100")
	do("add", "Port4", "192.168.41.0/24", "192.168.40.1")

	terminal, shell := openTerminal(t)
	person := startWatch(t, s, shell, terminal)
	read, write := io.Pipe()
	pipe := startWatch(t, s, write, read)
	read4, write4 := io.Pipe()
	some := startWatch(t, s, write4, read4, "--interface", "Port4")
	const (
		green, yellow, dim, off = "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
		waits                   = "WAITING NO_NODE_NIC on k8s-master, k8s-worker: the node has no NIC on a switch of Port4; " +
			"PORT_NOT_COMPUTE: Port4 has no external switch; the route waits until compute is enabled on it; INTERFACE_DOWN: Port4 has no link"
	)
	both := func(line, colour, state string) {
		t.Helper()
		pipe.see(line + "  " + state)
		person.see(line + "  " + colour + state + off)
	}
	both("CURRENT  192.168.21.0/24 via 192.168.20.1 on Port3 metric 100", green, "PROGRAMMED")
	both("CURRENT  192.168.41.0/24 via 192.168.40.1 on Port4 metric 256", yellow, waits)
	some.see("CURRENT  192.168.41.0/24 via 192.168.40.1 on Port4 metric 256  " + waits)
	do("add", "Port3", "192.168.22.0/24", "192.168.20.1")
	both("ADDED    192.168.22.0/24 via 192.168.20.1 on Port3 metric 256", green, "PROGRAMMED")
	do("set", "Port3", "192.168.22.0/24", "--metric", "7")
	both("UPDATED  192.168.22.0/24 via 192.168.20.1 on Port3 metric 7 (was via 192.168.20.1 metric 256)", green, "PROGRAMMED")
	do("remove", "Port4", "192.168.41.0/24", "--wait", "stored")
	const removed = "REMOVED  192.168.41.0/24 via 192.168.40.1 on Port4 metric 256"
	both(removed, dim, "REMOVING")
	some.see(removed + "  REMOVING")
	do("wait") // until the nodes have proved it
	const ended = "STATUS   192.168.41.0/24 via 192.168.40.1 on Port4 metric 256"
	both(ended, dim, "REMOVED")
	some.see(ended + "  REMOVED")
	for _, w := range []*watching{person, pipe, some} {
		w.end()
	}
}

// TestWatchIsTold: that the service ends is said, with its exit code.
func TestWatchIsTold(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	if _, stderr, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address}, "add", "Port3", "192.168.21.0/24", "192.168.20.1"); code != 0 {
		t.Fatal(stderr)
	}
	read, write := io.Pipe()
	w := startWatch(t, s, write, read)
	w.see("CURRENT  192.168.21.0/24 via 192.168.20.1 on Port3 metric 256  PROGRAMMED")
	s.Stop()
	select {
	case code := <-w.code:
		if code != 8 || !strings.HasPrefix(w.errs.String(), "error: UNAVAILABLE") {
			t.Errorf("code %d, errors %q", code, w.errs.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("watch goes on without a service")
	}
}
