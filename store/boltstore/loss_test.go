package boltstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// lostOne is a store, just opened, that has lost a change which a node holds.
func lostOne(t *testing.T) (*Store, held) {
	t.Helper()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 1)
	mustAdd(t, s, 1, 1)
	lost := hold(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoilMeta(t, s.path)
	s = mustOpen(t, s.path, Options{})
	wantStanding(t, s, lost, store.Lost)
	return s, lost
}

// together has calls carried out in one transaction, in their order; each must
// ask the writer for something.
func together(t *testing.T, s *Store, calls ...func()) {
	t.Helper()
	ctx := context.Background()
	busy, release := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.submit(ctx, 1, func(*group) error { close(busy); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-busy
	for n, call := range calls {
		done.Go(call)
		for wait := time.Millisecond; ; wait *= 2 {
			s.queue.mu.Lock()
			got := len(s.queue.calls)
			s.queue.mu.Unlock()
			if got > n {
				break
			}
			if wait > 30*time.Second {
				t.Errorf("call %d did not come to the writer", n)
				break
			}
			time.Sleep(wait)
		}
	}
	close(release)
	done.Wait()
}

// TestAcceptedWhileItIsJudged: a loss that was found before it was accepted, and
// would be noted after, is not noted.
func TestAcceptedWhileItIsJudged(t *testing.T) {
	ctx := context.Background()
	s, lost := lostOne(t)
	together(t, s, func() {
		if err := s.Accept(ctx, store.Caller{Actor: "root"}, nil); err != nil {
			t.Error(err)
		}
	}, func() {
		if got, err := s.Judge(ctx, "k8s-master", lost.version, lost.authenticator); got != store.Superseded || err != nil {
			t.Errorf("standing %d, %v", got, err)
		}
	})
	if l := s.Losses(); len(l) != 0 {
		t.Errorf("losses %+v", l)
	}
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 1})
	if err != nil || recs[0].Action != "accept-loss" {
		t.Errorf("%+v %v", recs, err)
	}
	wantSound(t, s)
}

// TestJudgedWithTheFirstChange: a change that takes the lost one's revision in
// the same transaction, the first of its process, does not make it the store's.
func TestJudgedWithTheFirstChange(t *testing.T) {
	ctx := context.Background()
	s, lost := lostOne(t)
	together(t, s, func() { mustAdd(t, s, 10, 1) }, func() {
		if got, err := s.Judge(ctx, "k8s-master", lost.version, lost.authenticator); got != store.Lost || err != nil {
			t.Errorf("standing %d, %v", got, err)
		}
	})
	if l := s.Losses(); len(l) != 1 || s.Info().Version.Revision != lost.version.Revision {
		t.Errorf("losses %+v at %+v", l, s.Info().Version)
	}
}

// TestJudgedWithAnAcceptThatFails: what was not accepted stays lost, and keeps
// its node from being given another set.
func TestJudgedWithAnAcceptThatFails(t *testing.T) {
	ctx := context.Background()
	s, lost := lostOne(t)
	failed := errors.New("the disk is gone")
	commit := s.opts.commit
	s.opts.commit = func(*bolt.Tx) error { return failed }
	together(t, s, func() {
		if err := s.Accept(ctx, store.Caller{}, nil); !errors.Is(err, failed) {
			t.Errorf("accepted: %v", err)
		}
	}, func() {
		if got, err := s.Judge(ctx, "k8s-master", lost.version, lost.authenticator); got != store.Lost || !errors.Is(err, failed) {
			t.Errorf("standing %d, %v", got, err)
		}
	})
	s.opts.commit = commit
	wantStanding(t, s, lost, store.Lost)
}

// TestALossEnds: by itself where the node follows the store again, and with a
// node that is forgotten; and nothing is accepted that nobody has seen.
func TestALossEnds(t *testing.T) {
	ctx := context.Background()
	s, lost := lostOne(t)
	judge := func(node string) {
		t.Helper()
		if got, err := s.Judge(ctx, node, lost.version, lost.authenticator); got != store.Lost || err != nil {
			t.Fatal(got, err)
		}
	}
	for _, node := range []string{"a", "b", "c"} {
		if err := s.Know(ctx, store.KnownNode{ID: node}); err != nil {
			t.Fatal(err)
		}
		judge(node)
	}
	other := store.Loss{Node: "a", Version: lost.version}
	other.Version.Count++
	for range 2 { // the second time, nothing is noted any more
		for _, loss := range []store.Loss{other, {Node: "a", Version: lost.version}} {
			if err := s.EndLoss(ctx, loss); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Forget(ctx, "b", store.Caller{Actor: "root"}); err != nil {
		t.Fatal(err)
	}
	left := s.Losses()
	if len(left) != 1 || left[0].Node != "c" {
		t.Fatalf("losses %+v", left)
	}
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 3})
	if err != nil || recs[0].Action != "forget-node" || !strings.Contains(recs[0].Note, "the loss") || recs[1].Action != "loss-ended" || recs[2].Action != "loss-proved" {
		t.Errorf("%+v %v", recs, err)
	}
	judge("d") // has come since somebody looked
	wantReason(t, s.Accept(ctx, store.Caller{}, left), routes.RevisionMismatch)
	if l := s.Losses(); len(l) != 2 {
		t.Errorf("losses %+v", l)
	}
	s = reopen(t, s)
	if err := s.Accept(ctx, store.Caller{}, s.Losses()); err != nil || len(s.Losses()) != 0 {
		t.Errorf("%v %+v", err, s.Losses())
	}
	wantSound(t, s)
}
