// Package process runs the programs that last: hcsrouted and hcsroute-agent. Both
// get their flags, log, privileges, memory and service manager here.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/internal/version"
)

// Exit codes; 0 is a stop that was asked for.
const (
	ExitError = 1
	ExitUsage = 2 // the command line or the configuration is wrong: another start ends the same way
	exitStuck = 70
)

// System is what the operating system gives a program, and how the program acts on it.
type System struct {
	Args     []string // without the program's name
	Environ  []string
	Out, Err io.Writer
	Exit     func(int)                  // ends the process at once; called when a stop is stuck
	Drop     func(privilege.Plan) error // in the place of privilege.Drop
}

// Program is a program that is configured by C and runs until it is stopped.
type Program[C any] struct {
	Name, Short string
	Prefix      string // of its environment variables
	Defaults    C
	Load        func(config.Sources) (C, error)
	Needs       func(C) Needs
	Run         func(context.Context, Environment[C]) error
}

// Environment is what a program runs with: what its command line and its files
// say, and what it asked of the system.
type Environment[C any] struct {
	Config C
	File   string            // of the configuration; empty: none
	Load   func() (C, error) // reads the files again
	Running
}

// Command is the command that runs the program on a system, and what loads its
// configuration once the command line is read.
func (g Program[C]) Command(s System) (root *cobra.Command, load func() (C, error)) {
	var path string
	load = func() (C, error) {
		if path == "" {
			path = config.Lookup(s.Environ, g.Prefix+"CONFIG")
		}
		c, err := g.Load(config.Sources{File: path, Environ: s.Environ, Flags: root.PersistentFlags()})
		return c, Usage(err)
	}
	root = &cobra.Command{
		Use: g.Name, Short: g.Short, Version: version.String(),
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), g.Needs(c), func(r Running) error {
				return g.Run(cmd.Context(), Environment[C]{Config: c, File: path, Load: load, Running: r})
			})
		},
	}
	root.PersistentFlags().StringVar(&path, "config", "", "configuration file (YAML)")
	config.BindFlags(root.PersistentFlags(), &g.Defaults)
	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), g.Name, version.String()) },
	})
	return root, load
}

// usageError is a command line or a configuration that is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage makes an error one of the command line or the configuration.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// Execute runs a command and returns the program's exit code. Its last words are
// why it ends, where the log does not have them already.
func (s System) Execute(ctx context.Context, root *cobra.Command) int {
	demandUsage(root)
	root.SetArgs(append([]string{}, s.Args...)) // never nil: cobra would take the process's own
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &loggedError{}):
		return ExitError
	}
	s.output().Fail(root.Name() + ": " + err.Error())
	if errors.As(err, &usageError{}) {
		return ExitUsage
	}
	return ExitError
}

// demandUsage makes errors of usage of what cobra finds wrong.
func demandUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usage(err) })
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return Usage(check(cmd, args)) }
	}
	for _, sub := range cmd.Commands() {
		demandUsage(sub)
	}
}

func (s System) output() config.Output { return config.OutputTo(s.Err, s.Environ) }
