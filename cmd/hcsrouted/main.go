// Command hcsrouted keeps the custom routes of the device's Kubernetes VMs and
// brings them into the VMs' kernels.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hcsroute/hcsroute/internal/hostd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := hostd.Command(hostd.Process{Environ: os.Environ(), Exit: os.Exit}).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hcsrouted:", err)
		os.Exit(1)
	}
}
