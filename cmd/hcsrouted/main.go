// Command hcsrouted keeps the custom routes of the device's Kubernetes VMs and
// brings them into the VMs' kernels.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/internal/hostd"
	"github.com/hcsroute/hcsroute/internal/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := hostd.Main(ctx, process.System{
		Args: os.Args[1:], Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr, Exit: os.Exit,
	})
	stop()
	os.Exit(code)
}
