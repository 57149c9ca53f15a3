package agentd

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/hcsroute/hcsroute/internal/process"
	"github.com/hcsroute/hcsroute/internal/version"
)

// environment is a configured process.
type environment struct {
	process.Environment[config.Agent]
}

func run(ctx context.Context, e environment) error {
	e.checkSurroundings()
	kernel, err := openKernel(uint8(e.Config.Protocol))
	if err != nil {
		return err
	}
	defer func() { _ = kernel.Close() }()
	files := e.certificates()
	a, err := agent.New(agent.Options{
		Node: e.Config.Node, StateDir: e.Config.StateDir, Kernel: kernel, ResyncInterval: e.Config.Resync,
		Version: version.String(), KernelRelease: readLine("/proc/sys/kernel/osrelease"), BootID: readLine("/proc/sys/kernel/random/boot_id"),
		Log: e.Log, Problem: problem(files),
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx) })
	status := &statusLine{notify: e.Notify}
	var tried sync.WaitGroup
	for _, address := range e.Config.Listen {
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
		e.Log.Info("ready", "node", e.Config.Node, "version", version.String())
		debug.FreeOSMemory() // reading the log made garbage
		e.Notify("READY=1")
		return nil
	})
	r := &reload{environment: e, files: files, status: status}
	group.Go(func() error { return r.follow(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		e.Log.Info("stopping; the routes stay")
		e.Notify("STOPPING=1")
		return nil
	})
	return group.Wait()
}

// certificates are not read yet: routes need none, and the files may be bad.
func (e environment) certificates() *certs.Files {
	if e.Config.TLS.IsZero() {
		return nil
	}
	return certs.Await(e.Config.TLS.Cert, e.Config.TLS.Key, e.Config.TLS.CA)
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

// checkSurroundings warns of what is known to hurt.
func (e environment) checkSurroundings() {
	if warning := foreignRoutesWarning(os.DirFS("/")); warning != "" {
		e.Log.Warn(warning)
	}
	if warning := filemode.Changeable(e.File); e.File != "" && warning != "" {
		e.Log.Warn(warning)
	}
	for _, warning := range kernelWarnings() {
		e.Log.Warn(warning)
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
