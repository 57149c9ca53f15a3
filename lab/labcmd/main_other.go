//go:build !linux

package labcmd

import (
	"context"
	"fmt"
	"os"
)

// Main says that the lab is made of Linux network namespaces.
func Main(context.Context, []string) int {
	fmt.Fprintln(os.Stderr, "hcsroute-lab: the lab is made of Linux network namespaces; run it on Linux")
	return 1
}
