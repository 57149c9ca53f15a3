// Command hcsroute-agent programs a node's kernel with the routes that the
// host has stored.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/internal/agentd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := agentd.Main(ctx, agentd.Process{Args: os.Args[1:], Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
