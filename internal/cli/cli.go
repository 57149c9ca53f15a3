// Package cli is the hcsroute program: commands for operators, and the JSON
// lines for scripts.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// exitInterrupted is the shells' code for a program that SIGINT ended.
const exitInterrupted = 130

// Streams are the program's ends.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Now      func() time.Time // nil: time.Now
}

// app is one run of the program.
type app struct {
	Streams
	address client.Options
	output  string
	// plain is set where no format was asked for: errors are text then.
	plain bool
	// written is set once a command has put its one JSON object out itself.
	written bool
}

// Main runs one command and returns the exit code of docs/cli.md.
func Main(ctx context.Context, s Streams, args []string) int {
	if s.Now == nil {
		s.Now = time.Now
	}
	a := &app{Streams: s}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	bashCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	a.setOutput(cmd)
	var code exitCode
	switch {
	case err == nil, brokenPipe(err):
		return int(routes.ExitOK)
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return a.fail(cmd, err)
}

// exitCode ends the program with a code when everything was said already.
type exitCode routes.Exit

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// connect makes the client of the address that flags and environment give.
func (a *app) connect() (*client.Client, error) {
	return a.dial(func(w *pb.Warning) { a.warnings(view.FromWarnings([]*pb.Warning{w})) })
}

// dial is connect where warn, which may be nil, takes the warnings that
// concern the service as a whole.
func (a *app) dial(warn func(*pb.Warning)) (*client.Client, error) {
	o := a.address
	for _, f := range []struct {
		value *string
		env   string
	}{{&o.Address, "HCSROUTE_ADDRESS"}, {&o.Cert, "HCSROUTE_CERT"}, {&o.Key, "HCSROUTE_KEY"}, {&o.CA, "HCSROUTE_CA"}} {
		if *f.value == "" {
			*f.value = a.Getenv(f.env)
		}
	}
	if o.Address == "" {
		o.Address = client.DefaultAddress()
	}
	o.Warn = warn
	return client.New(o)
}

// call connects, runs do with a deadline over one call, and explains its error.
func (a *app) call(ctx context.Context, do func(ctx context.Context, c *client.Client) error) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout)
	defer cancel()
	if err := do(ctx, c); err != nil {
		return explain(c, err)
	}
	return nil
}

// explain keeps errors of this side and explains those of the service.
func explain(c *client.Client, err error) error {
	var code exitCode
	var path *os.PathError
	if errors.As(err, &code) || errors.As(err, &path) || brokenPipe(err) {
		return err
	}
	return c.Explain(err)
}
