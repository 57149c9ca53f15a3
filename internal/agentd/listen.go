package agentd

import (
	"context"
	"errors"
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
	files   *certs.Files // nil: none
	status  *statusLine
	tried   func() // called after the first attempt
}

// listen serves the agent on an address until ctx ends. The saved routes come
// first: they need no host. At boot the address may come later than the agent,
// and whatever else keeps it from listening ends neither its care for the routes
// nor the other addresses.
func (e environment) listen(ctx context.Context, a *agent.Agent, l listening) error {
	defer l.tried()
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	select {
	case <-a.Ready():
	case <-timer.C:
		e.Log.Warn("listening although the saved routes are not in the kernel yet", "after", headStart)
	case <-ctx.Done():
		return nil
	}
	listener, err := listen.Attempts{
		Open: func(ctx context.Context) (net.Listener, error) { return e.open(ctx, l) },
		Waiting: func(err error) {
			e.waits(l.address, err)
			l.status.waits(l.address.String(), err)
			l.tried()
		},
		Always: true,
	}.Persist(ctx)
	if err != nil {
		return nil // only the end of ctx is not waited for
	}
	l.status.listens(l.address.String())
	l.tried()
	return e.serve(ctx, a, serving{listener, l.files})
}

// badFiles is that there are no certificates to listen with.
type badFiles struct{ error }

func (b badFiles) Unwrap() error { return b.error }

// waits logs why an address is not listened on, and what to do.
func (e environment) waits(address config.Address, err error) {
	why := []any{"address", address, "error", err, "retry", listen.Retry}
	switch {
	case errors.As(err, &badFiles{}):
		e.Log.Error("not listening: the files of tls cannot be used; put them in place as hcsroute certs makes them, readable for the agent, its key (0600) not for others. "+
			"The routes do not depend on it, and no restart is needed", why...)
	case listen.Passes(err):
		e.Log.Warn("not listening yet; the routes do not depend on it", why...)
	default:
		e.Log.Error("not listening; correct what the error names, or listen in the configuration and restart the agent. The routes do not depend on it", why...)
	}
}
