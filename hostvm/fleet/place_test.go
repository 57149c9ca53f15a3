package fleet_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// stepping is a store that stops a session once where it reads the set that it
// sends, and once where it takes a report, between looking at it and believing it.
type stepping struct {
	store.Store
	set, report halt
}

// halt is a place where one caller stops.
type halt struct {
	once    sync.Once
	reached chan struct{} // closed then
	free    chan struct{} // to be closed
}

func newHalt() halt { return halt{reached: make(chan struct{}), free: make(chan struct{})} }

func (h *halt) here() { h.once.Do(func() { close(h.reached); <-h.free }) }

func (h *halt) wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(patience):
		t.Fatal("nobody has stopped")
	}
}

func (s *stepping) Snapshot(ctx context.Context, tombstones bool, yield func(routes.Record) error) (routes.Version, error) {
	s.set.here()
	return s.Store.Snapshot(ctx, tombstones, yield)
}

func (s *stepping) Info() store.Info {
	pcs := make([]uintptr, 8)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasSuffix(f.Function, ".(*session).take") {
			s.report.here()
		}
	}
	return s.Store.Info()
}

// TestAReportOfASetThatIsOnItsWayIsNoAnswer: of a node that is adopted with the
// store's own version, a report from before the set says nothing of the set,
// also where that is sent while the report is looked at. Its failures would be
// left out, and the failed removal would count as proved.
func TestAReportOfASetThatIsOnItsWayIsNoAnswer(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	failed := exception(camera().Key(), routes.Failed, routes.KernelRejected)
	a.do(func() { a.exceptions[camera().Key()] = failed })
	r.remove(camera())
	r.until("the failed removal", func() bool { return r.status(camera()).State == routes.Failed })
	r.stop()
	snap := r.inventory.Current()
	r.inventory.Set(&hostvm.Snapshot{Ports: snap.Ports})
	s := &stepping{Store: r.store, set: newHalt(), report: newHalt()}
	r.wrap = func(store.Store) store.Store { return s }
	freeSet, freeReport := sync.OnceFunc(func() { close(s.set.free) }), sync.OnceFunc(func() { close(s.report.free) })
	defer freeReport()
	defer freeSet()
	r.run(quick())
	if err := r.Adopt(t.Context(), a.id); err != nil {
		t.Fatal(err)
	}
	a.inject(faultSilent) // of the set that it holds, where the test says it
	a.inject(faultSilent) // of the set that it gets
	before := a.count(&a.snapshots)
	r.inventory.Set(snap)
	s.set.wait(t)
	a.say(&pb.Report{Full: true, Exceptions: []*pb.Exception{failed}})
	s.report.wait(t)
	freeSet()
	poll(t, "the set", func() bool { return a.count(&a.snapshots) == before+1 })
	freeReport()
	poll(t, "the report", func() bool { return !r.node(a.id).LastReport.IsZero() })
	if n := r.node(a.id); n.Revision != 0 {
		t.Errorf("it counts for the set: %+v", n)
	}
	poll(t, "its answers left out", func() bool { n := 0; a.do(func() { n = a.consumed[faultSilent] }); return n == 2 })
	a.say(&pb.Report{Full: true, Exceptions: []*pb.Exception{failed}})
	r.until("the failed removal again", func() bool { return r.status(camera()).State == routes.Failed })
	if n := r.store.Info().Removing; n != 1 {
		t.Errorf("%d removals wait", n)
	}
}
