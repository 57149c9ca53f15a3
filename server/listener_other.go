//go:build !linux

package server

import (
	"context"
	"errors"
)

// ListenUnix is not built for this system: its unix sockets do not tell who
// calls.
func ListenUnix(context.Context, LocalOptions) (*Listener, error) {
	return nil, errors.New("the local listener is not built for this system yet: unix sockets do not identify callers here; use the remote listener")
}
