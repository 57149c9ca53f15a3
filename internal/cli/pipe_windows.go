package cli

import (
	"errors"
	"syscall"
)

// errorNoData is winerror.h's ERROR_NO_DATA: the pipe is being closed.
const errorNoData = syscall.Errno(232)

// brokenPipe says that the reader of our output has left.
func brokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errorNoData)
}
