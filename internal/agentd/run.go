package agentd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/filemode"
	"github.com/hcsroute/hcsroute/internal/sdnotify"
	"github.com/hcsroute/hcsroute/internal/version"
)

// memoryLimit keeps 100,000 routes within 64 MiB of RssAnon.
const memoryLimit = 56 << 20

// environment is a configured process.
type environment struct {
	config config.Agent
	file   string // of the configuration; empty: none
	log    *slog.Logger
	level  *slog.LevelVar   // of log
	hangup <-chan os.Signal // each asks for a reload
}

func run(ctx context.Context, p Process, e environment) error {
	if err := dropPrivileges(p, e); err != nil {
		return err
	}
	config.TuneMemory(p.Environ, memoryLimit)
	e.checkSurroundings()
	kernel, err := openKernel(uint8(e.config.Protocol))
	if err != nil {
		return err
	}
	defer func() { _ = kernel.Close() }()
	files := e.certificates()
	a, err := agent.New(agent.Options{
		Node: e.config.Node, StateDir: e.config.StateDir, Kernel: kernel, ResyncInterval: e.config.Resync,
		Version: version.String(), KernelRelease: readLine("/proc/sys/kernel/osrelease"), BootID: readLine("/proc/sys/kernel/random/boot_id"),
		Log: e.log, Problem: problem(files),
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx) })
	status := &statusLine{tell: func(state string) { e.notify(p.Environ, state) }}
	var tried sync.WaitGroup
	for _, address := range e.config.Listen {
		tried.Add(1)
		group.Go(func() error { return e.listen(ctx, a, listening{address, files, status, sync.OnceFunc(tried.Done)}) })
	}
	group.Go(func() error {
		select {
		case <-a.Ready():
		case <-ctx.Done():
			return nil
		}
		tried.Wait()
		e.log.Info("ready", "node", e.config.Node, "version", version.String())
		debug.FreeOSMemory() // reading the log made garbage
		e.notify(p.Environ, "READY=1")
		return nil
	})
	r := &reloader{environment: e, process: p, current: e.config, files: files, status: status}
	group.Go(func() error { return r.follow(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		e.log.Info("stopping; the routes stay")
		e.notify(p.Environ, "STOPPING=1")
		return nil
	})
	return group.Wait()
}

// certificates are not read yet: routes need none, and the files may be bad.
func (e environment) certificates() *certs.Files {
	if e.config.TLS.IsZero() {
		return nil
	}
	return certs.Await(e.config.TLS.Cert, e.config.TLS.Key, e.config.TLS.CA)
}

// problem is what the certificates add to the alarm.
func problem(files *certs.Files) func() string {
	if files == nil {
		return nil
	}
	return func() string {
		if err := files.Problem(time.Now()); err != nil {
			return err.Error()
		}
		return ""
	}
}

// notify tells the service manager, where there is one. Routes do not depend
// on it: a failure is only logged.
func (e environment) notify(environ []string, state string) {
	if err := sdnotify.Tell(config.Lookup(environ, "NOTIFY_SOCKET"), state); err != nil {
		e.log.Warn("the service manager was not told", "state", state, "error", err)
	}
}

// checkSurroundings warns of what is known to hurt.
func (e environment) checkSurroundings() {
	if warning := foreignRoutesWarning(os.DirFS("/")); warning != "" {
		e.log.Warn(warning)
	}
	if warning := filemode.Changeable(e.file); e.file != "" && warning != "" {
		e.log.Warn(warning)
	}
	for _, warning := range kernelWarnings() {
		e.log.Warn(warning)
	}
}

func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "" // only for display
	}
	return strings.TrimSpace(string(b))
}

var errNotSupported = errors.New("not supported by this build")

func unsupported(what string) error { return fmt.Errorf("%s: %w", what, errNotSupported) }
