package hostd

import (
	"context"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/server"
)

// reloader changes a running service to what its files say now.
type reloader struct {
	Options
	current        config.Service // as loaded last; Options.Config is that of the start
	agents, remote *certs.Files   // nil: none
	local          *server.Listener
	api            *server.Server
	manager        *fleet.Manager
	shut           error // why who has a role cannot reach the local socket; nil: all can
}

// follow reloads at each hangup until ctx ends.
func (r *reloader) follow(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.Hangup:
			r.reload()
		}
	}
}

// reload takes over all that can be, or nothing where one file is bad.
func (r *reloader) reload() {
	next, err := r.Load()
	if err == nil {
		err = r.take(next)
	}
	if err != nil {
		r.Log.Error("nothing was reloaded: everything stays as it was", "error", err)
		r.tell("STATUS=Nothing was reloaded, everything stays as it was: " + strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	var restart []string
	for _, key := range config.Changed(r.Config, next) {
		if !r.live(key, next) {
			restart = append(restart, key)
		}
	}
	r.current = next
	status := "STATUS=Reloaded"
	if len(restart) > 0 {
		r.Log.Warn("a restart is needed for what cannot be reloaded", "keys", restart)
		status += "; a restart is needed for " + strings.Join(restart, ", ")
	}
	r.tell(status)
}

// take puts next in force; an error has changed nothing.
func (r *reloader) take(next config.Service) error {
	agents, err := again(r.agents, next.Agents.TLS)
	if err != nil {
		return fmt.Errorf("agents.tls: %w", err)
	}
	var remote *certs.Files
	if next.Listen.Remote != nil {
		if remote, err = again(r.remote, next.Listen.Remote.TLS()); err != nil {
			return fmt.Errorf("listen.remote: %w", err)
		}
	}
	if r.shut = r.local.SetRoles(localRoles(next.Listen.Local)); r.shut != nil {
		r.Log.Warn("the roles count from now on, but the local socket stays as it was: not everybody who has a role can reach it", "error", r.shut)
	}
	var taken []string
	for _, key := range config.Changed(r.current, next) {
		if r.live(key, next) {
			taken = append(taken, key)
		}
	}
	certificates := agents != nil && r.agents.Adopt(agents)
	certificates = remote != nil && r.remote.Adopt(remote) || certificates
	r.api.SetPolicy(next.Policy.Rules())
	r.manager.SetPolicy(next.Policy.Rules())
	r.Log.Info("reloaded", "keys", taken, "other_certificates", certificates)
	return next.Log.Adjust(r.Level) // validated
}

// live tells whether a key of next takes effect without a restart.
func (r *reloader) live(key string, next config.Service) bool {
	part := func(prefix string) bool { return strings.HasPrefix(key, prefix) }
	switch {
	case key == "listen.local.address", key == "listen.remote.address":
		return false
	case part("policy."), key == "log.level":
		return true
	case part("listen.local."):
		return r.shut == nil
	case part("agents.tls."):
		return r.agents != nil && !next.Agents.TLS.IsZero()
	case part("listen.remote."):
		return r.remote != nil && next.Listen.Remote != nil
	}
	return false
}

// again loads the files that take the place of those in use; where there are
// none, or shall be none, that is for a restart.
func again(inUse *certs.Files, c config.TLS) (*certs.Files, error) {
	if inUse == nil || c.IsZero() {
		return nil, nil
	}
	return certs.Load(c.Cert, c.Key, c.CA)
}

func (r *reloader) tell(state string) {
	if err := r.Notify(state); err != nil {
		r.Log.Warn("the service manager was not told", "state", state, "error", err)
	}
}
