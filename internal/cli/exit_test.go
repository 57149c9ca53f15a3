package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli"
	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
)

// stagedNow is when the pages are looked at.
func stagedNow() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// run runs the program in this process.
func run(t *testing.T, in string, env map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(context.Background(), cli.Streams{In: strings.NewReader(in), Out: &out, Err: &errs, Getenv: func(k string) string { return env[k] }, Now: stagedNow}, args)
	return out.String(), errs.String(), code
}

// TestEveryReason: each Reason of the one table, as the service answers with
// it, ends every way of adding a route with the table's exit code.
func TestEveryReason(t *testing.T) {
	for _, row := range routes.Reasons() {
		t.Run(string(row.Reason), func(t *testing.T) {
			s := clitest.Start(t, clitest.Options{Refuse: &routes.Error{Reason: row.Reason, Field: "destination", Value: "192.168.21.0/24", Problem: "as the test says"}})
			env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
			route := []string{"Port3", "192.168.21.0/24", "192.168.20.1"}

			stdout, stderr, code := run(t, "", env, append([]string{"add"}, route...)...)
			if code != int(row.Exit) || stdout != "" || !strings.HasPrefix(stderr, "error: "+string(row.Reason)+": destination 192.168.21.0/24: as the test says\nhint: ") {
				t.Errorf("text: code %d, want %d; %q %q", code, row.Exit, stdout, stderr)
			}
			// Only UNAVAILABLE is tried again: four attempts in all.
			attempts := 1
			if row.Code == routes.CodeUnavailable {
				attempts = 4
			}
			if got := len(s.Batches()); got != attempts {
				t.Errorf("%d attempts, want %d", got, attempts)
			}
			stdout, stderr, code = run(t, "", env, append([]string{"add", "-o", "json"}, route...)...)
			var object struct {
				Error struct {
					Reason, Category, ErrorID string `json:",omitempty"`
					Exit                      int
				}
			}
			if err := json.Unmarshal([]byte(stdout), &object); err != nil || stderr != "" || code != int(row.Exit) {
				t.Fatalf("json: %v, code %d, want %d; %q %q", err, code, row.Exit, stdout, stderr)
			}
			if object.Error.Reason != string(row.Reason) || object.Error.Exit != int(row.Exit) || object.Error.Category != row.Category {
				t.Errorf("json: %+v", object)
			}
			stdout, stderr, code = run(t, "", env, append([]string{"add", "-o", "yaml"}, route...)...)
			if !strings.HasPrefix(stdout, "error:\n  reason: "+string(row.Reason)+"\n") || stderr != "" || code != int(row.Exit) {
				t.Errorf("yaml: code %d, want %d; %q %q", code, row.Exit, stdout, stderr)
			}
		})
	}
}

func TestHelpIsComplete(t *testing.T) {
	stdout, _, _ := run(t, "", nil, "--help")
	for _, name := range []string{"add", "set", "get", "remove", "apply", "export", "watch", "wait", "nodes", "interfaces", "explain", "audit", "certs", "doctor", "backup", "restore", "check", "compact", "completion", "version", "jsonl"} {
		if !strings.Contains(stdout, "\n  "+name+" ") {
			t.Errorf("--help lacks %s", name)
		}
		if help, _, code := run(t, "", nil, name, "--help"); code != 0 || !strings.Contains(help, "Usage:") {
			t.Errorf("%s --help: code %d", name, code)
		}
	}
}

// TestTheFirstEmptyFilterIsNamed, however often the same is typed.
func TestTheFirstEmptyFilterIsNamed(t *testing.T) {
	for range 20 {
		_, stderr, code := run(t, "", nil, "get", "--state", "", "--metric", "", "--next-hop", "", "--interface", "")
		if code == 0 || !strings.Contains(stderr, "interface") {
			t.Fatalf("code %d: %s", code, stderr)
		}
	}
}
