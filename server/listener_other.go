//go:build !linux

package server

import (
	"context"
	"fmt"
	"runtime"
)

// ListenUnix fails: unix sockets do not tell who calls on this system, and the
// listener that would, such as a named pipe, is a Listener still to come.
func ListenUnix(context.Context, LocalOptions) (*Listener, error) {
	return nil, fmt.Errorf("the service does not run on %s yet: its local listener cannot tell who calls; run it on Linux", runtime.GOOS)
}
