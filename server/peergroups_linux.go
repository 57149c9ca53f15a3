package server

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peerGroups reads the peer's supplementary groups (SO_PEERGROUPS, Linux
// 4.13). The unix package has no wrapper for it.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errors.Is(errno, unix.ERANGE) && int(size/4) > len(groups):
			groups = make([]uint32, size/4)
		case errors.Is(errno, unix.ENOPROTOOPT):
			return nil, nil // an older kernel: the primary group has to do
		default:
			return nil, errno
		}
	}
}
