package cli_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/server"
)

// pages are the commands that print tables.
func pages() map[string][]string {
	return map[string][]string{
		"get": {"get"}, "get-wide": {"get", "-o", "wide"}, "get-ipv4": {"get", "--ipv4", "--state", "PROGRAMMED"},
		"add-file":    {"add", "--from", "testdata/pages/new.csv", "--wait", "stored"},
		"add-dry-run": {"add", "--from", "testdata/pages/plan.csv", "--dry-run"},
		"interfaces":  {"interfaces"}, "nodes": {"nodes"}, "interfaces-wide": {"interfaces", "-o", "wide"}, "nodes-wide": {"nodes", "-o", "wide"}, "audit": {"audit", "list"}, "explain": {"explain", "192.168.121.130"}, "store-behind": {"store", "behind"},
		"doctor": {"doctor"},
		"add":    {"add", "Port3", "192.168.36.0/24", "192.168.20.1", "--wait", "stored"},
	}
}

// startStaged is a service with a route in each state.
func startStaged(t *testing.T) map[string]string {
	t.Helper()
	s := clitest.Start(t, clitest.Options{Server: func(o *server.Options) { o.Fleet, o.Certificates = everyState{o.Fleet}, everyCertificate }})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address, "NO_COLOR": "1"}
	var csv strings.Builder
	csv.WriteString("interface,destination,next_hop,metric\n")
	for _, r := range stage() {
		csv.WriteString(strings.Join([]string{r.iface, r.destination, r.hop, r.metric}, ",") + "\n")
	}
	if _, stderr, code := run(t, csv.String(), env, "add", "--from", "-", "--wait", "stored"); code != 0 {
		t.Fatal(code, stderr)
	}
	ask(t, env, "", "remove", "Port3", "203.0.113.128/25", "--wait", "stored")
	ask(t, env, "", "set", "Port3", "192.168.22.0/24", "--metric", "201", "--wait", "stored", "--on-behalf-of", "kim")
	ask(t, env, "", "nodes", "adopt", "k8s-worker", "--yes")
	return env
}

// onTerminal runs a command whose standard output is a terminal of a width.
func onTerminal(t *testing.T, width uint16, env map[string]string, args ...string) string {
	t.Helper()
	page, stderr, code := typed(t, width, env, args...)
	if code != 0 {
		t.Errorf("%v: code %d %s", args, code, stderr)
	}
	return page
}

// typed is onTerminal for a command that may fail.
func typed(t *testing.T, width uint16, env map[string]string, args ...string) (page, stderr string, code int) {
	t.Helper()
	var errs strings.Builder
	page = terminalOf(t, width, func(shell *os.File) {
		code = cli.Main(context.WithoutCancel(t.Context()), cli.Streams{In: strings.NewReader(""), Out: shell, Err: &errs, Getenv: func(k string) string { return env[k] }, Now: stagedNow}, args)
	})
	return page, errs.String(), code
}

// errorsOnTerminal runs a command whose standard error is a terminal of a width.
func errorsOnTerminal(t *testing.T, width uint16, env map[string]string, args ...string) string {
	t.Helper()
	return terminalOf(t, width, func(shell *os.File) {
		cli.Main(context.WithoutCancel(t.Context()), cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: shell, Getenv: func(k string) string { return env[k] }}, args)
	})
}

// terminalOf returns what is written to a terminal of a width.
func terminalOf(t *testing.T, width uint16, write func(*os.File)) string {
	t.Helper()
	terminal, shell := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(shell.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
		t.Fatal(err)
	}
	if err := terminal.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(terminal) // ends with an error when the shell's end is closed
		read <- string(all)
	}()
	write(shell)
	_ = shell.Close()
	return strings.ReplaceAll(<-read, "\r\n", "\n")
}

// steady leaves out of doctor's page what is this machine's: the socket's
// address, the time of an answer, the build, the size of store and disk.
func steady(page string) string {
	return regexp.MustCompile(`(?m)^ok    (service|versions|store|disk space): .*\n(      .*\n)*`).ReplaceAllString(page, "")
}

// TestErrorsAreFolded: what is said on standard error fits a terminal, between
// words, and a command that is quoted stays whole, to be copied; in a pipe each
// thing that is said is one line.
func TestErrorsAreFolded(t *testing.T) {
	env := startStaged(t)
	for _, c := range []struct {
		args []string
		want string // the beginnings of lines, on a terminal of 60 columns
	}{
		{[]string{"get", "--state", "wating"}, "error: BAD|       |hint: Use a state,|      |"},
		{[]string{"remove", "192.168.21.0/24", "--if-exists"}, "error: BAD_REQUEST: interface|       |hint: Type|      'hcsroute remove PORT 192.168.21.0/24 --if-exists';|      "},
		{[]string{"remove", "Port3", "192.168.22.0/24", "--if-exists", "--dry-run"}, "dry run"},
		{[]string{"add", "--from", "testdata/pages/refused.csv", "--dry-run"}, "refused.csv:2: error: NEXT_HOP_NOT_ON_LINK:|       |hint: |      "},
		{[]string{"add", "Port4", "192.168.43.0/24", "192.168.40.1", "--wait", "stored"}, "warning: PORT_NOT_COMPUTE:|         |warning: INTERFACE_DOWN"},
	} {
		_, piped, _ := run(t, "", env, c.args...)
		page := errorsOnTerminal(t, 60, env, c.args...)
		if got, want := strings.Join(strings.Fields(page), " "), strings.Join(strings.Fields(piped), " "); got != want {
			t.Errorf("%v: the terminal has\n%swant\n%s", c.args, page, piped)
		}
		lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
		for _, start := range strings.Split(c.want, "|") {
			if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, start) }) {
				t.Errorf("%v: no line begins with %q in\n%s", c.args, start, page)
			}
		}
		for i, line := range lines {
			if len(line) > 60 {
				t.Errorf("%v: %d columns: %s", c.args, len(line), line)
			}
			if word, _, _ := strings.Cut(strings.TrimLeft(line, " "), " "); i > 0 && line[0] == ' ' && word[0] != '\'' && len(lines[i-1])+1+len(word) <= 60 {
				t.Errorf("%v: %q fits the line before:\n%s", c.args, word, page)
			}
		}
		for line := range strings.Lines(piped) {
			if strings.HasPrefix(line, " ") {
				t.Errorf("%v: a folded line in a pipe:\n%s", c.args, piped)
			}
		}
	}
}

// TestPages holds every table, on terminals of two widths and in a pipe,
// against a page that somebody has looked at. -update writes the pages: look at
// them again.
func TestPages(t *testing.T) {
	env := startStaged(t)
	ask(t, env, "", "add", "--from", "testdata/pages/new.csv", "--wait", "stored") // so that the order of pages is of no account
	for name, args := range pages() {
		for kind, width := range map[string]uint16{"80": 80, "120": 120, "pipe": 0} {
			t.Run(name+"-"+kind, func(t *testing.T) {
				var got string
				var stderr string
				var code int
				if width == 0 {
					got, stderr, code = run(t, "", env, args...)
				} else {
					got, stderr, code = typed(t, width, env, args...)
				}
				if want := map[string]int{"doctor": 8}[name]; code != want {
					t.Errorf("code %d, want %d: %s", code, want, stderr)
				}
				got = steady(got)
				file := filepath.Join("testdata", "pages", name+"-"+kind+".txt")
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || got != string(want) {
					t.Errorf("got\n%swant\n%s%v", got, want, err)
				}
				wide := strings.HasSuffix(name, "-wide")
				for line := range strings.Lines(got) {
					if n := len(line) - 1; width > 0 && !wide && n > int(width) {
						t.Errorf("%d columns: %s", n, line)
					}
				}
			})
		}
	}
}

// TestPagesCutNothing: on a terminal and in a pipe each route's key is there
// whole, each state and code, and in a pipe a route is one line.
func TestPagesCutNothing(t *testing.T) {
	env := startStaged(t)
	constants, err := os.ReadFile(filepath.Join("..", "..", "routes", "status.go"))
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?m)^\t\w+ +(?:State|Cause|Condition) += "(\w+)"`).FindAllStringSubmatch(string(constants), -1)
	if len(words) < 20 {
		t.Fatalf("%d states, causes and conditions in routes/status.go", len(words))
	}
	for kind, page := range map[string]string{"80": onTerminal(t, 80, env, "get"), "120": onTerminal(t, 120, env, "get"), "pipe": ask(t, env, "", "get")} {
		for _, s := range stage() {
			for _, value := range []string{s.iface, s.destination, s.hop, s.metric} {
				if value == "200" { // changed since
					value = "201"
				}
				if !strings.Contains(page, value) {
					t.Errorf("%s: no %s in\n%s", kind, value, page)
				}
			}
		}
		for _, w := range words {
			if w[1] != "REMOVED" && !strings.Contains(page, w[1]) {
				t.Errorf("%s: no %s in\n%s", kind, w[1], page)
			}
		}
		if n := strings.Count(page, "\n"); kind == "pipe" && n != 1+len(stage()) {
			t.Errorf("%d lines for %d routes:\n%s", n, len(stage()), page)
		}
	}
}

// TestPagesInColour: colours change nothing else of a page, and a programmed
// route that has something to be said is not green.
func TestPagesInColour(t *testing.T) {
	env := startStaged(t)
	plain := onTerminal(t, 80, env, "get")
	delete(env, "NO_COLOR")
	painted := onTerminal(t, 80, env, "get")
	if bare := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(painted, ""); bare != plain {
		t.Errorf("without its colours it is\n%swithout colours\n%s", bare, plain)
	}
	for what, want := range map[string]string{
		"plainly programmed": "192.168.20.1          100  \x1b[32mPROGRAMMED", "stands by": "201  \x1b[33mPROGRAMMED", "waits": "\x1b[33mWAITING", "failed": "\x1b[31mFAILED",
	} {
		if !strings.Contains(painted, want) {
			t.Errorf("%s: no %q in\n%q", what, want, painted)
		}
	}
}
