package boltstore

import (
	"context"
	"fmt"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/store"
)

// TestAnswersBounded: answers that are kept for retries are bounded by actor
// and in total; the newest stay, and an actor who asks little keeps all.
func TestAnswersBounded(t *testing.T) {
	path := dbPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.limits.actorAnswers, s.limits.allAnswers = 25_000, 62_500
	ask := func(s *Store, actor string, n int) store.Result {
		t.Helper()
		res, err := s.Apply(context.Background(), store.Request{
			Caller: store.Caller{Actor: actor}, RequestID: fmt.Sprintf("%s-%d", actor, n), Items: adds(0, 1),
			Answer: func(store.Result) []byte { return make([]byte, 1000) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	sizeOf := func(s *Store) (bytes int) {
		t.Helper()
		if err := s.view(context.Background(), func(tx *bolt.Tx) error {
			return tx.Bucket([]byte(requestsBucket)).ForEach(func(_, v []byte) error { bytes += len(v); return nil })
		}); err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	ask(s, "quiet", 0)
	for n := range 50 {
		ask(s, "alone", n)
	}
	if bytes := sizeOf(s); bytes > 27_500 || bytes < 12_500 {
		t.Errorf("%d bytes of answers to one actor", bytes)
	}
	for n := range 125 {
		ask(s, "loud", n)
		ask(s, "louder", n)
		ask(s, "loudest", n)
	}
	bounded := func(s *Store) {
		t.Helper()
		if bytes := sizeOf(s); bytes > 62_500 || bytes < 37_500 {
			t.Errorf("%d bytes of answers", bytes)
		}
		if !ask(s, "quiet", 0).Replayed || !ask(s, "loud", 124).Replayed || !ask(s, "loudest", 124).Replayed {
			t.Error("an answer that should be there is not")
		}
	}
	bounded(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path, Options{})
	s.limits.actorAnswers, s.limits.allAnswers = 25_000, 62_500
	for n := range 10 {
		ask(s, "loud", 1000+n)
	}
	bounded(s)
	if ask(s, "loud", 0).Replayed {
		t.Error("the oldest answer is still there")
	}
	wantSound(t, s)
}
