package fleet_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// knowing is a store whose Know has the test do something around the first commit.
type knowing struct {
	store.Store
	before, after func() error // nil: nothing
	calls         atomic.Int32
}

func (s *knowing) Know(ctx context.Context, node store.KnownNode) error {
	if s.calls.Add(1) > 1 {
		return s.Store.Know(ctx, node)
	}
	for _, step := range []func() error{s.before, func() error { return s.Store.Know(ctx, node) }, s.after} {
		if step == nil {
			continue
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// making is a rig whose one node is about to be made known.
func making(t *testing.T, s *knowing) (*rig, *fakeAgent) {
	t.Helper()
	a := newFakeAgent("k8s-master")
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick())
	t.Cleanup(stop)
	r.stop()
	s.Store = r.store
	r.wrap = func(store.Store) store.Store { return s }
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
	r.run(quick())
	return r, a
}

// agree: what the manager says of known nodes is what the store waits for.
func (r *rig) agree(want ...string) {
	r.Helper()
	known, err := r.store.KnownNodes(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	if len(known) != len(want) {
		r.Errorf("the store knows %+v, want %v", known, want)
	}
	for _, k := range known {
		if n := r.node(k.ID); !n.Known {
			r.Errorf("the store waits for %s, which is %+v", k.ID, n)
		}
	}
	for _, n := range r.Nodes() {
		if n.Known != (len(want) == 1 && n.ID == want[0]) {
			r.Errorf("want %v to be known: %+v", want, n)
		}
	}
}

// TestANodeThatLeavesWhileItIsMadeKnown is listed as gone, for removals wait for it.
func TestANodeThatLeavesWhileItIsMadeKnown(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	s := &knowing{before: func() error { close(begun); <-gone; return nil }}
	r, a := making(t, s)
	free := sync.OnceFunc(func() { close(gone) })
	defer free()
	<-begun
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}})
	r.until("it is not listed", func() bool { return len(r.Nodes()) == 0 })
	free()
	r.until("known", func() bool { return r.node(a.id).Known })
	if n := r.node(a.id); !n.Gone || n.Connected {
		t.Errorf("%+v", n)
	}
	r.agree(a.id)
	if err := r.store.Forget(t.Context(), a.id, store.Caller{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.Forgotten(t.Context(), a.id)
	r.agree()
	if nodes := r.Nodes(); len(nodes) != 0 {
		t.Errorf("after forgetting: %+v", nodes)
	}
}

// TestANodeThatIsForgottenAsItIsMadeKnown is not known, and is with its next session.
func TestANodeThatIsForgottenAsItIsMadeKnown(t *testing.T) {
	committed, forgotten := make(chan struct{}), make(chan struct{})
	s := &knowing{after: func() error { close(committed); <-forgotten; return nil }}
	r, a := making(t, s)
	free := sync.OnceFunc(func() { close(forgotten) })
	defer free()
	<-committed
	if err := r.store.Forget(t.Context(), a.id, store.Caller{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.Forgotten(t.Context(), a.id)
	free()
	r.wait(r.add(camera()))
	r.agree()
	a.bye <- errors.New("ended by the test")
	r.until("known", func() bool { return r.node(a.id).Known })
	r.agree(a.id)
}

// TestKnownNodesAreThereFromTheStart: the API may answer before Run has begun.
func TestKnownNodesAreThereFromTheStart(t *testing.T) {
	r := newRig(t, quick())
	r.stop()
	if err := r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}); err != nil {
		t.Fatal(err)
	}
	r.Manager = r.manager(quick())
	r.agree("k8s-master")
	r.add(camera())
	r.remove(camera())
	if st := r.status(camera()); st.State != routes.Removing || st.Cause != routes.AgentUnreachable {
		t.Errorf("%+v", st)
	}
	if err := r.store.Forget(t.Context(), "k8s-master", store.Caller{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	r.Forgotten(t.Context(), "k8s-master")
	r.follow(r.Manager)
	r.agree()
}
