package boltstore

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// One bolt transaction takes at most so many calls, and so many items beside the
	// first call's, so that a small call never waits for many large ones.
	groupCalls = 512
	groupItems = 10_000
)

// call is one caller's work in the queue of the writer.
type call struct {
	items int
	run   func(*group) error
	alone func() error // instead of run: outside a transaction
	taken atomic.Bool  // by the writer, or given up by the caller
	err   chan error
}

// queue keeps calls in the order of their arrival.
type queue struct {
	mu     sync.Mutex
	calls  []*call
	closed bool
	wake   chan struct{} // holds one token: there may be work, or the end
}

func (q *queue) push(c *call) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed()
	}
	q.calls = append(q.calls, c)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// pop takes the calls of the next transaction; none where the queue is empty.
func (q *queue) pop() (calls []*call, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, items := 0, 0
	for n < len(q.calls) && n < groupCalls {
		c := q.calls[n]
		if n > 0 && (items+c.items > groupItems || c.alone != nil) {
			break
		}
		items += c.items
		n++
		if c.alone != nil {
			break
		}
	}
	calls = slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n) // a call left behind would keep its whole request
	return calls, q.closed
}

// submit hands work to the writer and waits. With ctx's error nothing was done.
func (s *Store) submit(ctx context.Context, items int, run func(*group) error) error {
	return s.enqueue(ctx, &call{items: items, run: run, err: make(chan error, 1)})
}

func (s *Store) enqueue(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.queue.push(c); err != nil {
		return err
	}
	select {
	case err := <-c.err:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-c.err
	}
}
