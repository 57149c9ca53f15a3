// Command hcsroute is the operator's program: it manages the custom routes of
// the device's Kubernetes VMs through the hcsroute service.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	// A reader that leaves early is an error of writing, not a signal that kills.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	return cli.Main(ctx, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}, os.Args[1:])
}
