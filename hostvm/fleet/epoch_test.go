package fleet_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// overtaken is a store whose epoch another one raises as soon as a session has:
// what that session reads next is from before, as where it was held up.
type overtaken struct {
	store.Store
	mu       sync.Mutex
	taken    <-chan struct{} // by the manager, which has yet to read
	read     <-chan struct{} // the one that it took before it read
	before   atomic.Pointer[store.Info]
	consumed atomic.Int32
}

func (s *overtaken) RaiseEpoch(ctx context.Context, past uint64, who store.Caller) error {
	if err := s.Store.RaiseEpoch(ctx, past, who); err != nil {
		return err
	}
	read := s.Store.Info()
	if err := s.Store.RaiseEpoch(ctx, read.Version.Epoch, who); err != nil {
		return err
	}
	for !s.asleep() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	s.before.Store(&read)
	return nil
}

// asleep: the manager has read all that is stored.
func (s *overtaken) asleep() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.read:
		return false
	default:
		return s.read != nil && s.taken == nil
	}
}

func (s *overtaken) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = s.Store.Changed()
	return s.taken
}

func (s *overtaken) Info() store.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken != nil {
		s.read, s.taken = s.taken, nil
	}
	if read := s.before.Swap(nil); read != nil {
		s.consumed.Add(1)
		return *read
	}
	return s.Store.Info()
}

// TestAnEpochThatIsRaisedTwiceCounts: whoever raised it first does not take the
// manager back to it, or no report of the newest would count.
func TestAnEpochThatIsRaisedTwiceCounts(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.stop()
	backup := r.backup()
	restore := func(name string) {
		path := filepath.Join(r.dir, name)
		if _, err := boltstore.Restore(t.Context(), backup, path, store.Caller{Actor: "test"}); err != nil {
			t.Fatal(err)
		}
		r.open(path)
	}
	// The node holds what a first restore issued, and a second one has given up.
	restore("first")
	r.add(camera())
	a.do(func() {
		a.held = r.store.Info().Version
		a.proof = r.store.Authenticator(a.held)
	})
	restore("second")
	raised := &overtaken{Store: r.store}
	r.wrap = func(store.Store) store.Store { return raised }
	r.run(quick())
	r.until("session", r.connected(a.id))
	if n, epoch := raised.consumed.Load(), r.store.Info().Version.Epoch; n != 1 || epoch != 4 {
		t.Errorf("%d old reads, epoch %d", n, epoch)
	}
}

// slow is a store that the manager does not follow before the gate is open, not
// even once: it may be as late as that.
type slow struct {
	store.Store
	gate chan struct{}
}

func (s slow) Changed() <-chan struct{} {
	<-s.gate
	return s.Store.Changed()
}

// TestANewEpochIsToldToWhoWaits: a session may have carried it out before the
// manager counts by it, and reports nothing more then, also not for the prover.
func TestANewEpochIsToldToWhoWaits(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	removed := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.wait(r.add(camera(), removed))
	r.stop()
	gate := make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	defer open() // also where the test fails
	r.wrap = func(st store.Store) store.Store { return slow{st, gate} }
	r.run(quick())
	r.until("session", r.connected(a.id))
	if err := r.store.RaiseEpoch(t.Context(), r.store.Info().Version.Epoch, store.Caller{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.remove(removed)
	a.say(&pb.Report{Full: true}) // so that the session looks at the store
	poll(t, "the report of the new epoch", func() bool { return r.node(a.id).Revision == 0 })
	// What the report itself raised is over, and so is what it gave the prover to do.
	pos, still := uint64(0), 0
	poll(t, "a quiet feed", func() bool {
		_, _, next, _ := r.StatusChanges(0)
		if still++; next != pos {
			pos, still = next, 0
		}
		return still == 100
	})
	open()
	r.until("that all may have changed, and PROGRAMMED", func() bool {
		_, all, _, _ := r.StatusChanges(pos)
		return all && r.status(camera()).State == routes.Programmed
	})
	poll(t, "the proof of the removal", func() bool { return r.store.Info().Removing == 0 })
}

// hasty is a store whose epoch is raised just before the manager takes the channel.
type hasty struct {
	store.Store
	raise func()
}

func (s hasty) Changed() <-chan struct{} {
	if s.Info().Version.Epoch == 1 {
		s.raise()
	}
	return s.Store.Changed()
}

// TestAnEpochThatIsRaisedAsTheManagerStartsCounts: the next change may not come
// for long.
func TestAnEpochThatIsRaisedAsTheManagerStartsCounts(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	r.stop()
	r.wrap = func(st store.Store) store.Store {
		return hasty{Store: st, raise: func() {
			if err := st.RaiseEpoch(t.Context(), 1, store.Caller{Actor: "test"}); err != nil {
				t.Error(err)
			}
		}}
	}
	r.run(quick())
	r.until("PROGRAMMED in the new epoch", func() bool {
		return r.store.Info().Version.Epoch == 2 && r.status(camera()).State == routes.Programmed
	})
}
