package hostd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/server"
)

// newDialer makes the dialer of the agents; without certificates it reaches
// unix sockets only.
func newDialer(c config.TLS) (*dial.Dialer, *certs.Files, error) {
	if c.IsZero() {
		return dial.New(dial.Options{}), nil, nil
	}
	files, err := certs.Load(c.Cert, c.Key, c.CA)
	if err != nil {
		return nil, nil, fmt.Errorf("agents.tls: %w", err)
	}
	return dial.New(dial.Options{TLS: files.ClientConfig}), files, nil
}

func (p prepared) listen(ctx context.Context, c config.Listen, log *slog.Logger) ([]*server.Listener, error) {
	local, err := server.ListenUnix(ctx, server.LocalOptions{Path: c.Local.Address.Host, Roles: localRoles(c.Local), Log: log})
	if err != nil {
		return nil, err
	}
	if c.Remote == nil {
		return []*server.Listener{local}, nil
	}
	remote, err := server.ListenTCP(ctx, server.RemoteOptions{Address: c.Remote.Address.Host, TLS: p.callers.ServerConfig(), Log: log})
	if err != nil {
		return nil, errors.Join(err, local.Close())
	}
	return []*server.Listener{local, remote}, nil
}

// localRoles are the roles of callers on the device.
func localRoles(c config.Local) server.LocalRoles {
	return server.LocalRoles{Readers: server.Callers(c.Readers), Operators: server.Callers(c.Operators), Admins: server.Callers(c.Admins)}
}
