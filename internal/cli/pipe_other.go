//go:build !windows

package cli

import (
	"errors"
	"syscall"
)

// brokenPipe says that the reader of our output has left.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
