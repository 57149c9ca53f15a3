//go:build !linux

package listen

import "syscall"

func refused(error) bool { return false }

func socketMode(_, _ string, _ syscall.RawConn) error { return nil }
