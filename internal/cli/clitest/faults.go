package clitest

import (
	"context"
	"slices"
	"sync"

	"github.com/hcsroute/hcsroute/store"
)

// faults is a store whose writes fail or wait as a test asked for.
type faults struct {
	store.Store
	options  Options
	stopping chan struct{}

	mu      sync.Mutex
	batches []int
}

// Apply implements store.Store.
func (f *faults) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if f.options.Hold != nil {
		select {
		case <-f.options.Hold:
		case <-ctx.Done():
			return store.Result{}, ctx.Err()
		case <-f.stopping:
			return store.Result{}, context.Canceled
		}
	}
	f.mu.Lock()
	f.batches = append(f.batches, len(req.Items))
	f.mu.Unlock()
	if f.options.Refuse != nil {
		return store.Result{}, f.options.Refuse
	}
	return f.Store.Apply(ctx, req)
}

func (f *faults) seen() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}
