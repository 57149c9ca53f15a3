package listen

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Retry is the wait for an address that the machine does not have yet.
const Retry = time.Second

// Attempts are at an address that may come later than the process, as at boot.
type Attempts struct {
	Open func(context.Context) (net.Listener, error)
	// Waiting gets the reason why an attempt failed and is repeated, once for each reason.
	Waiting func(error)
	// Always repeats attempts whatever the reason: what waiting does not mend, the
	// operator may.
	Always bool
}

// Persist opens the address as soon as it is there. An error that waiting does
// not mend ends it, unless all are waited for, and so does ctx.
func (a Attempts) Persist(ctx context.Context) (net.Listener, error) {
	var logged string
	tick := time.NewTicker(Retry)
	defer tick.Stop()
	for {
		l, err := a.Open(ctx)
		if err == nil || ctx.Err() != nil || !a.Always && !Passes(err) {
			return l, err
		}
		if text := err.Error(); text != logged {
			logged = text
			a.Waiting(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Passes is true for errors that end when an address comes, or its last user goes.
func Passes(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EADDRINUSE)
}

// Late is a listener whose address may come later than it. Accept waits for both
// the address and a connection.
type Late struct {
	address net.Addr
	persist func() (net.Listener, error) // until Close
	cancel  context.CancelFunc

	mu      sync.Mutex
	inner   net.Listener // nil: the address is not there yet
	problem string
	closed  bool
}

// NewLate makes the first attempt; address is what Addr says until one succeeds.
func NewLate(ctx context.Context, address net.Addr, a Attempts) (*Late, error) {
	inner, err := a.Open(ctx)
	if err != nil && !Passes(err) {
		return nil, err
	}
	l := &Late{address: address, inner: inner}
	again := Attempts{Open: a.Open, Waiting: func(err error) {
		if l.waits(err) {
			a.Waiting(err)
		}
	}}
	if err != nil {
		again.Waiting(err)
	}
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.persist = func() (net.Listener, error) { return again.Persist(ctx) }
	return l, nil
}

// waits notes why an attempt failed, and reports whether that is new.
func (l *Late) waits(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.problem
	l.problem = err.Error()
	return was != l.problem
}

// Accept implements net.Listener.
func (l *Late) Accept() (net.Conn, error) {
	inner := l.opened()
	if inner == nil {
		var err error
		if inner, err = l.persist(); err != nil {
			return nil, err
		}
		if !l.come(inner) {
			return nil, errors.Join(net.ErrClosed, inner.Close())
		}
	}
	return inner.Accept()
}

func (l *Late) opened() net.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inner
}

// come takes the listener over, unless Close was before it.
func (l *Late) come(inner net.Listener) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.inner, l.problem = inner, ""
	}
	return !l.closed
}

// Problem is why it does not listen yet; empty: it does.
func (l *Late) Problem() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.problem
}

// Addr implements net.Listener.
func (l *Late) Addr() net.Addr {
	if inner := l.opened(); inner != nil {
		return inner.Addr()
	}
	return l.address
}

// Close implements net.Listener.
func (l *Late) Close() error {
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.inner == nil {
		return nil
	}
	return l.inner.Close()
}
