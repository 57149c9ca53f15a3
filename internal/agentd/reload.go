package agentd

import (
	"context"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
)

// reloader changes a running agent to what its files say now.
type reloader struct {
	environment
	process Process
	current config.Agent // as loaded last; environment.config is that of the start
	files   *certs.Files // nil: none
	status  *statusLine
}

// follow reloads at each hangup until ctx ends.
func (r *reloader) follow(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hangup:
			r.reload()
		}
	}
}

// reload takes over all that can be, or nothing where one file is bad.
func (r *reloader) reload() {
	next, _, err := configure(r.process)
	if err == nil {
		err = r.take(next)
	}
	if err != nil {
		r.log.Error("nothing was reloaded: everything stays as it was", "error", err)
		r.status.reloads("Nothing was reloaded, everything stays as it was: " + err.Error())
		return
	}
	var restart []string
	for _, key := range config.Changed(r.config, next) {
		if !r.live(key, next) {
			restart = append(restart, key)
		}
	}
	r.current = next
	status := "Reloaded"
	if len(restart) > 0 {
		r.log.Warn("a restart is needed for what cannot be reloaded", "keys", restart)
		status += "; a restart is needed for " + strings.Join(restart, ", ")
	}
	r.status.reloads(status)
}

// take puts next in force; an error has changed nothing.
func (r *reloader) take(next config.Agent) error {
	certificates := false
	if r.files != nil && !next.TLS.IsZero() {
		loaded, err := certs.Load(next.TLS.Cert, next.TLS.Key, next.TLS.CA)
		if err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		certificates = r.files.Adopt(loaded)
	}
	var taken []string
	for _, key := range config.Changed(r.current, next) {
		if r.live(key, next) {
			taken = append(taken, key)
		}
	}
	r.log.Info("reloaded", "keys", taken, "other_certificates", certificates)
	return next.Log.Adjust(r.level) // validated
}

// live tells whether a key of next takes effect without a restart.
func (r *reloader) live(key string, next config.Agent) bool {
	return key == "log.level" || strings.HasPrefix(key, "tls.") && r.files != nil && !next.TLS.IsZero()
}
