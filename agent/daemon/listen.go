package daemon

import (
	"context"
	"net"
	"time"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/listen"
)

// headStart is how long the saved routes have before the agent listens
// although they are not in the kernel: the host must learn of that.
const headStart = 10 * time.Second

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
	listener, err := listen.Attempts{
		Open: func(ctx context.Context) (net.Listener, error) { return e.open(ctx, l.address) },
		Waiting: func(err error) {
			l.tried()
			e.log.Warn("not listening yet; the routes do not depend on it", "error", err, "retry", listen.Retry)
		},
	}.Persist(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // told to end, which is why it failed
	}
	if err != nil {
		return err
	}
	l.tried()
	return e.serve(ctx, a, serving{listener, l.files})
}
