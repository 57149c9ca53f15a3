// Command hcsroute-agent programs a node's kernel with the routes that the
// host has stored.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/internal/agentd"
	"github.com/hcsroute/hcsroute/internal/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := agentd.Main(ctx, process.System{
		Args: os.Args[1:], Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr, Exit: os.Exit,
	})
	stop()
	os.Exit(code)
}
