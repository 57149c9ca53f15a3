//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/hcsroute/hcsroute/lab"
)

// A main enters first, and goes on only inside.
func Example() {
	ctx := context.Background()
	entry, err := lab.Enter(ctx, lab.EnterOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !entry.Inside {
		os.Exit(entry.ExitCode)
	}
	l, err := lab.New(ctx, lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer l.Close()
	r, err := lab.Ping(ctx, l.NS("k8s-master"), netip.MustParseAddr("192.168.20.1"), lab.PingOptions{})
	fmt.Println(r, err)
}
