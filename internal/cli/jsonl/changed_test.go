package jsonl_test

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
	"github.com/hcsroute/hcsroute/internal/cli/jsonl"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestGetSaysThatRoutesChanged: the lines of a list are out before its end is
// read, so done says that they are not all of one revision, and at which the list began.
func TestGetSaysThatRoutesChanged(t *testing.T) {
	var change atomic.Bool
	var reads atomic.Int32
	s := clitest.Start(t, clitest.Options{Listed: func(s store.Store) {
		reads.Add(1)
		if !change.CompareAndSwap(true, false) {
			return
		}
		r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix("9.0.0.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 1})
		if err == nil {
			_, err = s.Apply(context.WithoutCancel(t.Context()), store.Request{Action: "add", Items: []store.Item{{Op: store.OpAdd, Route: r}}})
		}
		if err != nil {
			t.Error(err)
		}
	}})
	ask := func(input string) string {
		var out bytes.Buffer
		if err := jsonl.Run(t.Context(), jsonl.Options{In: strings.NewReader(input), Out: &out, Client: connect(t, s.Address)}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		last := lines[len(lines)-1]
		checkAnswer(t, loadSchema(t, true), last)
		return last
	}
	added := ask(adds(0, 6, 200, ""))
	_, revision, _ := strings.Cut(added, `"revision":`)
	for _, want := range []bool{true, false} {
		change.Store(want)
		reads.Store(0)
		done := ask(`{"v":1,"id":"g","op":"get"}` + "\n")
		if strings.Contains(done, `"changed":true`) != want {
			t.Errorf("changed %v: %s", want, done)
		}
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads of two pages", n)
		}
		if want && !strings.Contains(done, `"revision":`+strings.TrimRight(revision, "}")+`,`) {
			t.Errorf("the list began at revision %s: %s", revision, done)
		}
	}
}
