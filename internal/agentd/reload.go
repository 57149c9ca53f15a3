package agentd

import (
	"context"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
)

// reload is what a reload of the agent changes.
type reload struct {
	environment
	files  *certs.Files // nil: none
	status *statusLine
}

// follow reloads at each hangup until ctx ends.
func (r *reload) follow(ctx context.Context) error {
	return config.Reloader[config.Agent]{
		Start: r.Config, Load: r.Load, Take: r.take, Live: r.live, Log: r.Log, Level: r.Level, Tell: r.status.reloads,
	}.Follow(ctx, r.Hangup)
}

// take puts next in force; an error has changed nothing.
func (r *reload) take(next config.Agent) (certificates bool, err error) {
	if r.files == nil || next.TLS.IsZero() {
		return false, nil
	}
	loaded, err := certs.Load(next.TLS.Cert, next.TLS.Key, next.TLS.CA)
	if err != nil {
		return false, fmt.Errorf("tls: %w", err)
	}
	return r.files.Adopt(loaded), nil
}

// live reports whether a key of next takes effect without a restart.
func (r *reload) live(key string, next config.Agent) bool {
	return key == "log.level" || strings.HasPrefix(key, "tls.") && r.files != nil && !next.TLS.IsZero()
}
