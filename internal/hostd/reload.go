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

// reload is what a reload of the service changes.
type reload struct {
	environment
	agents, remote *certs.Files // nil: none
	local          *server.Listener
	api            *server.Server
	manager        *fleet.Manager
	shut           error // why users with a role cannot reach the local socket; nil: all can
}

// follow reloads at each hangup until ctx ends.
func (r *reload) follow(ctx context.Context) error {
	return config.Reloader[config.Service]{
		Start: r.Config, Load: r.Load, Take: r.take, Live: r.live, Log: r.Log, Level: r.Level,
		Tell: func(how string) { r.Notify("STATUS=" + how) },
	}.Follow(ctx, r.Hangup)
}

// take puts next in force; an error has changed nothing.
func (r *reload) take(next config.Service) (certificates bool, err error) {
	agents, err := again(r.agents, next.Agents.TLS)
	if err != nil {
		return false, fmt.Errorf("agents.tls: %w", err)
	}
	var remote *certs.Files
	if next.Listen.Remote != nil {
		if remote, err = again(r.remote, next.Listen.Remote.TLS()); err != nil {
			return false, fmt.Errorf("listen.remote: %w", err)
		}
	}
	if r.shut = r.local.SetRoles(localRoles(next.Listen.Local)); r.shut != nil {
		r.Log.Warn("the roles count from now on, but the local socket stays as it was: not everybody who has a role can reach it", "error", r.shut)
	}
	certificates = agents != nil && r.agents.Adopt(agents)
	certificates = remote != nil && r.remote.Adopt(remote) || certificates
	r.api.SetPolicy(next.Policy.Rules())
	r.manager.SetPolicy(next.Policy.Rules())
	return certificates, nil
}

// live reports whether a key of next takes effect without a restart.
func (r *reload) live(key string, next config.Service) bool {
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
