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
	if err := hostd.DropPrivileges(os.Args, os.Environ(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hcsrouted:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := hostd.Command(os.Environ(), os.Exit).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hcsrouted:", err)
		os.Exit(1)
	}
}
