package hostd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/sdnotify"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

const (
	// stopLimit is how long a stop may take before it counts as stuck.
	stopLimit = 30 * time.Second
	// memoryLimit keeps 100,000 routes within 128 MiB of RssAnon while many write.
	memoryLimit = 112 << 20
)

// Process is what the operating system gives the program, and how it acts on it.
type Process struct {
	Environ []string
	Exit    func(int)                  // ends the process at once; called when a stop is stuck
	Drop    func(privilege.Plan) error // in the place of privilege.Drop
}

// Main runs the program and returns its exit code. Its last words are why it ends.
func Main(ctx context.Context, p Process) int {
	if err := Command(p).ExecuteContext(ctx); err != nil {
		config.OutputTo(os.Stderr, p.Environ).Fail("hcsrouted: " + err.Error())
		return 1
	}
	return 0
}

// Command is the program hcsrouted.
func Command(p Process) *cobra.Command {
	if p.Drop == nil {
		p.Drop = privilege.Drop
	}
	environ := p.Environ
	var path string
	load := func(cmd *cobra.Command) (config.Service, error) {
		if path == "" {
			path = config.Lookup(environ, config.ServicePrefix+"CONFIG")
		}
		return config.LoadService(config.Sources{File: path, Environ: environ, Flags: cmd.Flags()})
	}
	root := &cobra.Command{
		Use: "hcsrouted", Short: "Serve custom network routes for the Kubernetes VMs of this device",
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true, Version: version.String(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return process{p, path, config.OutputTo(cmd.ErrOrStderr(), environ), func() (config.Service, error) { return load(cmd) }}.serve(cmd.Context(), c)
		},
	}
	root.PersistentFlags().StringVar(&path, "config", "", "configuration file (YAML)")
	defaults := config.DefaultService()
	config.BindFlags(root.PersistentFlags(), &defaults)
	root.AddCommand(checkCommand(load), restoreCommand(load), compactCommand(load), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), version.String()) },
	})
	return root
}

// process is the program as the service.
type process struct {
	Process
	file   string // of the configuration
	stderr config.Output
	load   func() (config.Service, error) // the configuration, anew
}

// serve runs the service with its log, its word to the service manager, and a
// watchdog over its stop.
func (p process) serve(ctx context.Context, c config.Service) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hangup)
	level := new(slog.LevelVar)
	handler, err := c.Log.Handler(p.stderr, level)
	if err != nil {
		return err
	}
	log := slog.New(handler)
	if err := p.Drop(plan(c, p.Environ, log)); err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go p.watch(ctx, done)
	config.TuneMemory(p.Environ, memoryLimit)
	err = Run(ctx, Options{
		Config: c, File: p.file, Log: log, Level: level, Load: p.load, Hangup: hangup,
		Notify: func(state string) error { return sdnotify.Tell(config.Lookup(p.Environ, "NOTIFY_SOCKET"), state) },
	})
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// plan is what the service needs: no privilege at all, above all none to change
// routes of the device host, but where its socket is given to a group.
func plan(c config.Service, environ []string, log *slog.Logger) privilege.Plan {
	p := privilege.Plan{Args: os.Args[1:], Environ: environ, Log: log}
	if _, one := localRoles(c.Listen.Local).Group(); one {
		p.Keep = chown
	}
	return p
}

// watch ends a process whose stop is stuck, and shows where.
func (p process) watch(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		var all strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
		p.stderr.Fail(fmt.Sprintf("the stop is stuck after %s; all goroutines:\n%s", stopLimit, &all))
		p.Exit(70)
	}
}

type loader func(*cobra.Command) (config.Service, error)

func checkCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Verify the store, or a backup, while no service has it open", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := storePath(cmd, load, args)
			if err != nil {
				return err
			}
			report, v, err := boltstore.CheckFile(cmd.Context(), path)
			if err != nil {
				return err
			}
			for _, problem := range report.Problems {
				fmt.Fprintln(cmd.OutOrStdout(), problem)
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("%s: %d problems", path, n)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sound: store %s, epoch %d, revision %d, %d routes, %d audit records\n",
				path, v.StoreID, v.Epoch, v.Revision, report.Routes, report.AuditRecords)
			return nil
		},
	}
}

func restoreCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "restore BACKUP", Short: "Put a backup in the place of the store, while the service is stopped", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			done, err := boltstore.Restore(cmd.Context(), args[0], c.Store.Path, offline("restore"))
			if err != nil {
				return err
			}
			v := done.Version
			fmt.Fprintf(cmd.OutOrStdout(), "restored %s: epoch %d, revision %d, %d routes\n", c.Store.Path, v.Epoch, v.Revision, v.Count)
			if done.Kept != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "the store of before is %s\n", done.Kept)
			}
			return nil
		},
	}
}

func compactCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Rewrite the store without free space, while the service is stopped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			if _, err := os.Stat(c.Store.Path); err != nil {
				return fmt.Errorf("the store: %w", err)
			}
			before, after, err := boltstore.CompactFile(c.Store.Path)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "compacted %s: %d bytes before, %d after\n", c.Store.Path, before, after)
			return nil
		},
	}
}

func storePath(cmd *cobra.Command, load loader, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	c, err := load(cmd)
	return c.Store.Path, err
}

// offline is who works on the store without the service.
func offline(command string) store.Caller {
	return store.Caller{Actor: fmt.Sprintf("uid:%d", os.Getuid()), Origin: "hcsrouted " + command}
}
