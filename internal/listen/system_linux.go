package listen

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// refused tells that a socket file has nobody behind it.
func refused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }

// socketMode gives a unix socket mode 0600 before it has a name: the kernel
// makes its file with the mode of the socket (net/unix/af_unix.c, unix_bind_bsd).
func socketMode(_, _ string, c syscall.RawConn) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = unix.Fchmod(int(fd), 0o600) }); err != nil {
		return err
	}
	return failed
}
