// Command hcsroute-lab brings up the vendor's diagram on real kernels, with
// the real service and agents, without root.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/lab/labcmd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := labcmd.Main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
