package boot

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// initPath is systemd.
const initPath = "/lib/systemd/systemd"

// Problem says why this system cannot boot machines; nil where it can.
func Problem() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can boot systemd in a namespace")
	}
	if _, err := os.Stat(initPath); err != nil {
		return fmt.Errorf("no systemd: %w", err)
	}
	for _, program := range []string{"bash", "mount", "unshare", "nsenter", "pivot_root", "setsid"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("no %s: %w", program, err)
		}
	}
	return tryMounts()
}

// tryMounts makes what machines are made of and takes it away; containers
// forbid it.
func tryMounts() error {
	dir, err := os.MkdirTemp("", "hcsroute-boot-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	for _, kind := range []string{"tmpfs", "cgroup2"} {
		if err := unix.Mount(kind, dir, kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", kind, err)
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", kind, err)
		}
	}
	return nil
}
