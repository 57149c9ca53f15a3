package hostd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/file"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/hostvm/linux"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/process"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// environment is a configured process.
type environment struct {
	process.Environment[config.Service]
}

// run serves until ctx ends, then stops gracefully. The store is opened last: a start that
// fails makes none and migrates none. The socket is made once the store is reserved, so
// that an instance which already runs keeps its own.
func run(ctx context.Context, e environment) (err error) {
	c, log := e.Config, e.Log
	p, err := prepare(c)
	if err != nil {
		return err
	}
	reserved, err := boltstore.Reserve(c.Store.Path, boltstore.Options{Log: log, Archive: archiver(ctx, c.Store.Archive, log)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reserved.Close()) }()
	listeners, err := p.listen(ctx, c.Listen, log)
	if err != nil {
		return err
	}
	db, err := reserved.Open()
	if err != nil {
		return errors.Join(err, server.CloseAll(listeners))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rules := c.Policy.Rules()
	manager, err := fleet.New(context.WithoutCancel(ctx), fleet.Options{
		Inventory: p.inventory, Store: db, Dialer: p.dialer, Policy: rules, Log: log.With("part", "nodes"), Version: version.String(),
	})
	if err != nil {
		return errors.Join(err, server.CloseAll(listeners))
	}
	api := server.New(server.Options{
		Store: db, Fleet: manager, Policy: rules, Log: log.With("part", "api"), Version: version.String(),
		Limits: server.Limits{
			Connections: c.Limits.Connections, Streams: c.Limits.Streams, Message: int(c.Limits.Message),
			Handshake: c.Limits.Handshake, Stop: c.Limits.Stop,
		},
		CertificateProblems: func() []string { return certificateProblems(p.agents, p.callers) },
		Certificates: func() []certs.Certificate {
			return append(p.agents.List("agents.tls", time.Now()), p.callers.List("listen.remote", time.Now())...)
		},
	})
	group, serving := errgroup.WithContext(ctx)
	// The sessions outlive the API: calls that finish may still wait for nodes.
	sessions, endSessions := context.WithCancel(context.WithoutCancel(ctx))
	defer endSessions()
	group.Go(func() error { return manager.Run(sessions) })
	group.Go(func() error {
		defer endSessions()
		return api.Serve(serving, listeners...)
	})
	group.Go(func() error {
		return watchFiles(serving, log, func() []string {
			return append(certificateProblems(p.agents, p.callers), e.exposed()...)
		})
	})
	r := &reload{environment: e, agents: p.agents, remote: p.callers, local: listeners[0], api: api, manager: manager}
	group.Go(func() error { return r.follow(serving) })
	log.Info("listening", "address", listeners[0].Addr().String(), "local", true)
	log.Info("ready", "version", version.String(), "store", c.Store.Path, "revision", uint64(db.Info().Version.Revision))
	e.Notify("READY=1")
	err = group.Wait()
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// prepared is what a start needs and takes from nobody.
type prepared struct {
	inventory       hostvm.Inventory
	dialer          *dial.Dialer
	agents, callers *certs.Files // nil: none
}

func prepare(c config.Service) (p prepared, err error) {
	if p.inventory, err = openInventory(c.Inventory); err != nil {
		return p, err
	}
	if p.dialer, p.agents, err = newDialer(c.Agents.TLS); err != nil {
		return p, err
	}
	if r := c.Listen.Remote; r != nil {
		if p.callers, err = certs.Load(r.Cert, r.Key, r.CA); err != nil {
			return p, fmt.Errorf("listen.remote: %w", err)
		}
	}
	return p, nil
}

// openInventory loads the inventory for the first time.
func openInventory(c config.Inventory) (hostvm.Inventory, error) {
	var provider hostvm.Inventory
	var declared hostvm.Declarations
	if c.Provider == "linux" {
		p, err := linux.New(linux.Options{})
		if err != nil {
			return nil, fmt.Errorf("read the device's interfaces: %w", err)
		}
		provider = p
	}
	if c.File != "" {
		f, err := file.Open(c.File)
		if err != nil {
			return nil, err
		}
		declared = f
	}
	return hostvm.Compose(provider, declared), nil
}
