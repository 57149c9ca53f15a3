package boltstore

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/hcsroute/hcsroute/store"
)

// TestCallsAreForgotten proves that the store keeps no request that it has
// carried out, also where many have waited in its queue.
func TestCallsAreForgotten(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	var kept []weak.Pointer[store.Item]
	var mu sync.Mutex
	apply := func(first, count int) {
		items := adds(first, count)
		mu.Lock()
		kept = append(kept, weak.Make(&items[0]))
		mu.Unlock()
		if _, err := s.Apply(context.Background(), asking(items...)); err != nil {
			t.Error(err)
		}
	}
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() { apply(i, 1) })
	}
	group.Wait()
	for i := range 4 {
		apply(1000*(i+1), 1000)
	}
	runtime.GC()
	left := 0
	for _, item := range kept {
		if item.Value() != nil {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d of %d requests are still in memory", left, len(kept))
	}
}
