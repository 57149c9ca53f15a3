// Package agentd runs the agent as a process: configuration, privileges,
// listeners, and the service manager.
package agentd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/version"
)

// Process is what the operating system gave the program.
type Process struct {
	Args     []string // without the program's name
	Environ  []string
	Out, Err io.Writer
}

// Exit codes, as the other programs have them.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// Main runs the agent until ctx ends and returns the exit code. The routes
// stay in the kernel.
func Main(ctx context.Context, p Process) int {
	out := config.OutputTo(p.Err, p.Environ)
	c, from, err := configure(p)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitOK
	case errors.Is(err, errVersion):
		fmt.Fprintln(p.Out, "hcsroute-agent", version.String())
		return exitOK
	case err != nil:
		out.Fail("hcsroute-agent: " + err.Error())
		return exitUsage
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from now on it does not end the process
	defer signal.Stop(hangup)
	level := new(slog.LevelVar)
	handler, err := c.Log.Handler(out, level)
	if err != nil {
		out.Fail("hcsroute-agent: " + err.Error())
		return exitUsage
	}
	log := slog.New(handler)
	if err := run(ctx, p, environment{config: c, file: from, log: log, level: level, hangup: hangup}); err != nil {
		log.Error("the agent ends; the routes stay", "error", err)
		return exitError
	}
	return exitOK
}

// errVersion is the wish to see the version.
var errVersion = errors.New("version wanted")

// configure reads flags over environment over the file that it names.
func configure(p Process) (c config.Agent, from string, err error) {
	fs := pflag.NewFlagSet("hcsroute-agent", pflag.ContinueOnError)
	fs.SetOutput(p.Out)
	file := fs.String("config", "", "configuration file (YAML)")
	show := fs.Bool("version", false, "print the version")
	defaults := config.DefaultAgent()
	config.BindFlags(fs, &defaults)
	if err := fs.Parse(p.Args); err != nil {
		return defaults, "", err
	}
	if *show || slices.Equal(fs.Args(), []string{"version"}) {
		return defaults, "", errVersion
	}
	if fs.NArg() > 0 {
		return defaults, "", fmt.Errorf("unexpected argument %q; see --help", fs.Arg(0))
	}
	if *file == "" {
		*file = config.Lookup(p.Environ, config.AgentPrefix+"CONFIG")
	}
	c, err = config.LoadAgent(config.Sources{File: *file, Environ: p.Environ, Prefix: config.AgentPrefix, Flags: fs})
	return c, *file, err
}
