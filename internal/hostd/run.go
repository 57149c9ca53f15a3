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

// run serves until ctx ends, then stops gracefully.
func run(ctx context.Context, e environment) (err error) {
	c, log := e.Config, e.Log
	db, err := boltstore.Open(c.Store.Path, boltstore.Options{Log: log, Archive: archiver(ctx, c.Store.Archive, log)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	inventory, err := openInventory(c.Inventory)
	if err != nil {
		return err
	}
	dialer, agentCerts, err := newDialer(c.Agents.TLS)
	if err != nil {
		return err
	}
	rules := c.Policy.Rules()
	manager, err := fleet.New(context.WithoutCancel(ctx), fleet.Options{
		Inventory: inventory, Store: db, Dialer: dialer, Policy: rules, Log: log.With("part", "nodes"), Version: version.String(),
	})
	if err != nil {
		return err
	}
	listeners, listenCerts, err := listen(ctx, c.Listen, log)
	if err != nil {
		return err
	}
	api := server.New(server.Options{
		Store: db, Fleet: manager, Policy: rules, Log: log.With("part", "api"), Version: version.String(),
		Limits: server.Limits{
			Connections: c.Limits.Connections, Streams: c.Limits.Streams, Message: int(c.Limits.Message),
			Handshake: c.Limits.Handshake, Stop: c.Limits.Stop,
		},
		CertificateProblems: func() []string { return certificateProblems(agentCerts, listenCerts) },
		Certificates: func() []certs.Certificate {
			return append(agentCerts.List("agents.tls", time.Now()), listenCerts.List("listen.remote", time.Now())...)
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
			return append(certificateProblems(agentCerts, listenCerts), e.exposed()...)
		})
	})
	r := &reload{environment: e, agents: agentCerts, remote: listenCerts, local: listeners[0], api: api, manager: manager}
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
