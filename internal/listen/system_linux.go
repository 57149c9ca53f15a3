package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// refused says that a socket file has nobody behind it.
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

func groupOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// peer names the user at the other end of a unix socket.
func peer(c net.Conn) string {
	uid, ok := PeerUID(c)
	if !ok {
		return "unix"
	}
	return fmt.Sprintf("uid:%d", uid)
}

// PeerUID is the user at the other end of a unix socket, as the kernel says.
func PeerUID(c net.Conn) (uid uint32, ok bool) {
	sc, isSocket := c.(syscall.Conn)
	if !isSocket {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	// Of a socket of another family it knows nobody, without an error (socket(7)).
	if err != nil || failed != nil || cred.Uid == ^uint32(0) {
		return 0, false
	}
	return cred.Uid, true
}
