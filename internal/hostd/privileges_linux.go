package hostd

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// droppedEnv marks the process that has given up its privilege, so that it
// does not try forever where the system does not let it.
const droppedEnv = "HCSROUTE_SERVICE_PRIVILEGES=dropped"

// netAdmin is the privilege to change routes, which the service never needs:
// it shall not be able to touch the device host's own.
const netAdmin = 1 << unix.CAP_NET_ADMIN

// DropPrivileges gives up CAP_NET_ADMIN and starts the program again in its
// own place: privileges belong to threads, and after an exec there is only the
// one that gave them up. It returns when there is nothing (more) to give up.
func DropPrivileges(args, environ []string, stderr io.Writer) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if caps[0].Permitted&netAdmin == 0 {
		return nil
	}
	if slices.Contains(environ, droppedEnv) {
		_, err := fmt.Fprintln(stderr, "hcsrouted: the system does not let the service give up CAP_NET_ADMIN, which it does not need")
		return err
	}
	runtime.LockOSThread()
	if caps[0].Permitted&(1<<unix.CAP_SETPCAP) != 0 {
		// A program of uid 0 gets all that is in the bounding set at exec.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_ADMIN, 0, 0, 0); err != nil {
			return fmt.Errorf("give up CAP_NET_ADMIN: %w", err)
		}
	}
	for _, set := range []*uint32{&caps[0].Effective, &caps[0].Permitted, &caps[0].Inheritable} {
		*set &^= netAdmin
	}
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return fmt.Errorf("give up CAP_NET_ADMIN: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("give up CAP_NET_ADMIN: %w", err)
	}
	err = unix.Exec(self, args, append(slices.Clip(environ), droppedEnv))
	return fmt.Errorf("give up CAP_NET_ADMIN: start %s again: %w", self, err)
}
