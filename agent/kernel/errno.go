package kernel

import "syscall"

// Linux' errnos by number, the same on every system that compiles this: on
// others, package syscall gives them other values.
const (
	ENOMEM       syscall.Errno = 12
	EACCES       syscall.Errno = 13
	ESRCH        syscall.Errno = 3
	EEXIST       syscall.Errno = 17
	ENODEV       syscall.Errno = 19
	EINVAL       syscall.Errno = 22
	ENETDOWN     syscall.Errno = 100
	ENETUNREACH  syscall.Errno = 101
	ENOBUFS      syscall.Errno = 105
	EHOSTUNREACH syscall.Errno = 113
)
