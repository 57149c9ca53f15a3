//go:build linux

package rtnl

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/routes"
)

func subscribe(t testing.TB, ignore uint32) *Watch {
	t.Helper()
	w, err := Subscribe(ignore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// nextOf reads until an event of that kind comes.
func nextOf(t testing.TB, w *Watch, kind EventKind) Event {
	t.Helper()
	for {
		events, err := w.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == kind {
				return e
			}
		}
	}
}

func TestEventsTellTheSender(t *testing.T) {
	link, c, foreign := testLink(t), dial(t), dial(t)
	all, others := subscribe(t, 0), subscribe(t, c.Port())
	e, f := entry("10.1.0.0/16", "10.200.0.2", link, 256), entry("10.2.0.0/16", "10.200.0.2", link, 256)
	do(t, c, false, Op{Kind: Add, Entry: e})
	do(t, foreign, false, Op{Kind: Add, Entry: f})
	if got := nextOf(t, all, RouteAdded); got.Route.Protocol == testProtocol && (got.Port != c.Port() || got.Route.FIBEntry != e) {
		t.Errorf("own write announced as %+v", got)
	}
	for {
		got := nextOf(t, others, RouteAdded)
		if got.Port == c.Port() {
			t.Fatalf("own write was not left out: %+v", got)
		}
		if got.Port == foreign.Port() {
			break
		}
	}
}

func TestOverrunIsToldAndReadingGoesOn(t *testing.T) {
	link, c := testLink(t), dial(t)
	w := subscribe(t, 0)
	if w.Buffer().Bytes < 1<<16 {
		t.Errorf("buffer %+v", w.Buffer())
	}
	adds := many(100_000, link)
	do(t, c, false, ops(Add, adds...)...)
	do(t, c, false, ops(Delete, adds...)...)
	nextOf(t, w, Overrun)
	// Until what fitted into the buffer is read, the kernel goes on dropping.
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		e := entry("10.9.0.0/16", "10.200.0.2", link, 9)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				do(t, c, false, Op{Kind: Add, Entry: e}, Op{Kind: Delete, Entry: e})
			}
		}
	})
	for nextOf(t, w, RouteDeleted).Route.Metric != 9 {
	}
	close(stop)
	writer.Wait()
	t.Logf("buffer %+v", w.Buffer())
}

func TestCloseEndsNext(t *testing.T) {
	testLink(t)
	defer goleak.VerifyNone(t)
	w, err := Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		for {
			if _, err := w.Next(nil); err != nil {
				ended <- err
				return
			}
		}
	}()
	time.Sleep(20 * time.Millisecond)
	w.Close()
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next ended with %v", err)
	}
}

func TestDumpIsFilteredAndTyped(t *testing.T) {
	link, c := testLink(t), dial(t)
	foreign, err := Dial(4)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	want := map[routes.FIBEntry]bool{}
	for _, e := range append(many(3000, link), entry("2001:db8::/48", "fd00:200::2", link, 7)) {
		want[e] = true
		do(t, c, false, Op{Kind: Add, Entry: e})
	}
	do(t, foreign, false, Op{Kind: Add, Entry: entry("10.66.0.0/16", "10.200.0.2", link, 256)})
	err = c.Dump(t.Context(), testProtocol, func(r Route) {
		if !want[r.FIBEntry] || r.Protocol != testProtocol || r.Table != 254 || r.Type != 1 {
			t.Errorf("unexpected %+v", r)
		}
		delete(want, r.FIBEntry)
	})
	if err != nil || len(want) != 0 {
		t.Errorf("%d routes missing, %v", len(want), err)
	}
}
