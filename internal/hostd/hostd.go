// Package hostd puts the service together: store, inventory, sessions with the
// nodes, API.
package hostd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/file"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/hostvm/linux"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/filemode"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// fileCheck is how often certificates are looked at for their end, and the
// operator's files for who can edit them.
const fileCheck = time.Hour

// Options are what a running service works with.
type Options struct {
	Config config.Service
	File   string // of the configuration; empty: none
	Log    *slog.Logger
	Level  *slog.LevelVar // of Log
	// Notify tells the service manager how the service does: READY=1 once the
	// store is open, the inventory is loaded and the listeners take calls.
	Notify func(state string) error
	// Load reads the configuration anew; each Hangup asks for it.
	Load   func() (config.Service, error)
	Hangup <-chan os.Signal
}

// Run serves until ctx ends, then stops gracefully.
func Run(ctx context.Context, o Options) (err error) {
	c, log := o.Config, o.Log
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
			return append(certificateProblems(agentCerts, listenCerts), o.exposed()...)
		})
	})
	r := &reloader{Options: o, current: c, agents: agentCerts, remote: listenCerts, local: listeners[0], api: api, manager: manager}
	group.Go(func() error { return r.follow(serving) })
	log.Info("listening", "address", listeners[0].Addr().String(), "local", true)
	log.Info("ready", "version", version.String(), "store", c.Store.Path, "revision", uint64(db.Info().Version.Revision))
	r.tell("READY=1")
	return group.Wait()
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

func listen(ctx context.Context, c config.Listen, log *slog.Logger) (listeners []*server.Listener, files *certs.Files, err error) {
	local, err := server.ListenUnix(ctx, server.LocalOptions{Path: c.Local.Address.Host, Roles: localRoles(c.Local), Log: log})
	if err != nil {
		return nil, nil, err
	}
	listeners = []*server.Listener{local}
	if c.Remote == nil {
		return listeners, nil, nil
	}
	if files, err = certs.Load(c.Remote.Cert, c.Remote.Key, c.Remote.CA); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listen.remote: %w", err), local.Close())
	}
	remote, err := server.ListenTCP(ctx, server.RemoteOptions{Address: c.Remote.Address.Host, TLS: files.ServerConfig(), Log: log})
	if err != nil {
		return nil, nil, errors.Join(err, local.Close())
	}
	return append(listeners, remote), files, nil
}

// localRoles are the roles of callers on the device.
func localRoles(c config.Local) server.LocalRoles {
	return server.LocalRoles{Readers: server.Callers(c.Readers), Operators: server.Callers(c.Operators), Admins: server.Callers(c.Admins)}
}

// exposed tells which of the operator's files others can edit.
func (o Options) exposed() (problems []string) {
	for _, path := range []string{o.File, o.Config.Inventory.File} {
		if problem := filemode.Changeable(path); path != "" && problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

// watchFiles warns in time before a certificate ends, and of files that are
// not safe.
func watchFiles(ctx context.Context, log *slog.Logger, problems func() []string) error {
	tick := time.NewTicker(fileCheck)
	defer tick.Stop()
	for {
		for _, problem := range problems() {
			log.Warn("a file needs the operator", "problem", problem)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// certificateProblems tells what is wrong with certificates, or soon will be;
// nil files are none.
func certificateProblems(all ...*certs.Files) (problems []string) {
	for _, f := range all {
		if f == nil {
			continue
		}
		if err := f.Problem(time.Now()); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems
}
