//go:build !linux

package server

import (
	"context"
	"fmt"
	"runtime"
)

// ListenUnix fails: unix sockets do not show who calls on this system, and a
// listener that does, such as one on a named pipe, is still to come.
func ListenUnix(context.Context, LocalOptions) (*Listener, error) {
	return nil, fmt.Errorf("the service does not run on %s yet: its local listener cannot tell who calls; run it on Linux", runtime.GOOS)
}
