package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// busy is a service with more routes than a page holds, where another operator
// changes some while they are listed.
type busy struct {
	t       *testing.T
	env     map[string]string
	file    string // the routes of the start
	changes atomic.Int32
	done    atomic.Uint32
}

func startBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{t: t, file: filepath.Join(t.TempDir(), "routes.csv")}
	s := clitest.Start(t, clitest.Options{Listed: b.meddle})
	b.env = map[string]string{"HCSROUTE_ADDRESS": s.Address}
	var csv bytes.Buffer
	csv.WriteString("interface,destination,next_hop\n")
	for n := range 5100 {
		fmt.Fprintf(&csv, "Port3,10.%d.%d.0/24,192.168.20.1\n", n/256, n%256)
	}
	if err := os.WriteFile(b.file, csv.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, b.env, "", "add", "--from", b.file, "--wait", "stored")
	return b
}

// meddle sets, in one change, a route before all others and one behind them, so
// that no list may have one metric without the other.
func (b *busy) meddle(s store.Store) {
	if b.changes.Add(-1) < 0 {
		return
	}
	metric := b.done.Add(1)
	req := store.Request{Caller: store.Caller{Actor: "another"}, Action: "add", Atomic: true}
	for _, destination := range []string{"9.0.0.0/24", "11.0.0.0/24"} {
		r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix(destination), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: metric})
		if err != nil {
			b.t.Error(err)
			return
		}
		req.Items = append(req.Items, store.Item{Op: store.OpAdd, Route: r, Force: true})
	}
	if _, err := s.Apply(context.WithoutCancel(b.t.Context()), req); err != nil {
		b.t.Error(err)
	}
}

// allowChanges lets the next n reads of routes be followed by a change.
func (b *busy) allowChanges(n int32) { b.changes.Store(n) }

// TestListsAreOfOneRevision: what apply compares with and what export writes
// was so at one time, also where others change routes between the pages, or
// within one that the service reads in parts.
func TestListsAreOfOneRevision(t *testing.T) {
	b := startBusy(t)
	for _, args := range [][]string{{"export"}, {"export", "--state", "PROGRAMMED,WAITING"}, {"get", "-o", "json"}} {
		b.allowChanges(1)
		out := ask(t, b.env, "", args...)
		if first, last := strings.Contains(out, "9.0.0.0/24"), strings.Contains(out, "11.0.0.0/24"); first != last {
			t.Errorf("%v: of two routes added at once it has the first: %v, the last: %v", args, first, last)
		}
		if strings.Contains(out, `"changed"`) {
			t.Errorf("%v calls a list of one revision changed", args)
		}
		ask(t, b.env, "", "apply", b.file, "--prune", "--yes", "--wait", "stored")
	}
	b.allowChanges(1)
	if _, stderr, code := run(t, "", b.env, "apply", b.file, "--prune", "--yes", "--wait", "stored"); code != 0 && code != int(routes.ExitConflict) {
		t.Fatalf("code %d %s", code, stderr)
	} else if out := ask(t, b.env, "", "export"); code == 0 && strings.Contains(out, "9.0.0.0/24") {
		t.Error("apply --prune says that it is done, but a route stayed that the file lacks")
	}
}

// TestListsThatNeverSettle: where routes change during every listing, apply does
// nothing, export writes nothing, and get says what its list is.
func TestListsThatNeverSettle(t *testing.T) {
	b := startBusy(t)
	const always = 1 << 30
	for _, args := range [][]string{{"export"}, {"apply", b.file, "--prune", "--yes"}} {
		b.allowChanges(always)
		stdout, stderr, code := run(t, "", b.env, args...)
		if code != int(routes.ExitConflict) || stdout != "" || !strings.HasPrefix(stderr, "error: REVISION_MISMATCH: ") || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("%v: code %d, %d bytes, %s", args, code, len(stdout), stderr)
		}
	}
	b.allowChanges(always)
	if out := ask(t, b.env, "", "get", "-o", "json"); !strings.Contains(out, `"changed": true`) || strings.Count(out, `"destination"`) < 5100 {
		t.Errorf("get is silent about the change: %.200s", out[max(0, len(out)-200):])
	}
	b.allowChanges(always)
	if _, stderr, code := run(t, "", b.env, "get"); code != 0 || !strings.Contains(stderr, "changed while") {
		t.Errorf("get: code %d %q", code, stderr)
	}
	b.allowChanges(0)
	if out := ask(t, b.env, "", "export"); !strings.Contains(out, "9.0.0.0/24") {
		t.Error("a refused apply removed a route")
	}
}
