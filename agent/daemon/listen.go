package daemon

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
)

const (
	// headStart is how long the saved routes have before the agent listens
	// although they are not in the kernel: the host is to learn of that, too.
	headStart = 10 * time.Second
	// bindRetry is the wait for an address that the node does not have yet.
	bindRetry = time.Second
)

// listening is one address to listen on.
type listening struct {
	address config.Address
	files   *certs.Files // for tcp
	tried   func()       // called after the first attempt
}

// listen serves the agent on an address until ctx ends. The saved routes come
// first: they need no host. At boot the address may come later than the agent.
func (e environment) listen(ctx context.Context, a *agent.Agent, l listening) error {
	defer l.tried()
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	select {
	case <-a.Ready():
	case <-timer.C:
		e.log.Warn("listening although the saved routes are not in the kernel yet", "after", headStart)
	case <-ctx.Done():
		return nil
	}
	var logged string
	for {
		listener, err := e.open(ctx, l.address)
		if err == nil {
			l.tried()
			return e.serve(ctx, a, serving{listener, l.files})
		}
		if ctx.Err() != nil {
			return nil // told to end, which is why it failed
		}
		if !passes(err) {
			return err
		}
		l.tried()
		if text := err.Error(); text != logged {
			logged = text
			e.log.Warn("not listening yet; the routes do not depend on it", "error", err, "retry", bindRetry)
		}
		timer.Reset(bindRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// passes tells the errors that end when an address comes, or its last user goes.
func passes(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EADDRINUSE)
}
