package clitest

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// faults is a store whose calls fail, wait or are joined by another's as a test asked for.
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

// List implements store.Store.
func (f *faults) List(ctx context.Context, q store.Query) ([]routes.Record, bool, error) {
	records, more, err := f.Store.List(ctx, q)
	if f.options.Listed != nil {
		f.options.Listed(f.Store)
	}
	return records, more, err
}

// Backup implements store.Store.
func (f *faults) Backup(ctx context.Context, w io.Writer) (store.Info, error) {
	info, err := f.Store.Backup(ctx, w)
	if f.options.BackedUp != nil {
		f.options.BackedUp()
	}
	return info, err
}

func (f *faults) seen() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}
