package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"os/signal"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// droppedEnv marks the process that has given up its privileges, so that it
// does not try forever where the system does not let it.
const droppedEnv = "HCSROUTE_PRIVILEGES=dropped"

// account is who the program is to run as.
type account struct {
	uid, gid int
	change   bool
}

// Drop gives up all privileges but those to keep, and starts the program again
// in its own place: privileges belong to threads, and after an exec there is
// only the one that gave them up. It returns when there is nothing (more) to
// give up.
func Drop(p Plan) error {
	to, err := accountOf(p.User)
	if err != nil {
		return err
	}
	if least, err := leastPrivilege(to, p.Keep); err != nil || least {
		return err
	}
	if slices.Contains(p.Environ, droppedEnv) {
		p.Log.Warn("the system does not let the program give up privileges that it does not need")
		return nil
	}
	if to.change {
		for _, folder := range p.Folders {
			if err := handOver(folder, to); err != nil {
				// Who uses it says what that costs; the rest of the program may need it less.
				p.Log.Warn("a folder cannot be made for the user to run as", "folder", folder, "user", p.User, "error", err)
			}
		}
	}
	signal.Ignore(syscall.SIGHUP) // a reload asked for meanwhile must not end it
	runtime.LockOSThread()
	if err := giveUp(to, p.Keep); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	args, environ := append([]string{os.Args[0]}, p.Args...), append(slices.Clip(p.Environ), droppedEnv)
	if path, err := os.Executable(); err == nil {
		_ = unix.Exec(path, args, environ) // keeps the process's name, where the new user may reach the path
	}
	const self = "/proc/self/exe"
	err = unix.Exec(self, args, environ)
	return fmt.Errorf("give up privileges: start %s again: %w", self, err)
}

func accountOf(name string) (account, error) {
	if name == "" || os.Geteuid() != 0 {
		return account{}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return account{}, fmt.Errorf("user: %q is neither the name nor the number of a user", name)
		}
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return account{uid: uid, gid: gid, change: uid != 0}, errors.Join(errUID, errGID)
}

// leastPrivilege says that there is nothing to give up.
func leastPrivilege(to account, keep uint64) (bool, error) {
	caps, err := permitted()
	if err != nil {
		return false, fmt.Errorf("read capabilities: %w", err)
	}
	bound, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return false, fmt.Errorf("read no_new_privs: %w", err)
	}
	return !to.change && bound == 1 && caps&^keep == 0, nil
}

// Missing reports whether this thread lacks a capability.
func Missing(capability uint64) bool {
	caps, err := permitted()
	return err == nil && caps&capability == 0
}

// permitted are the permitted capabilities of this thread, one bit for each.
func permitted() (uint64, error) {
	var data [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]); err != nil {
		return 0, err
	}
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32, nil
}

// handOver makes a folder that the other user needs.
func handOver(folder string, to account) error {
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil // made by the operator or the service manager, with the owner they want
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.Lchown(folder, to.uid, to.gid)
}

// giveUp changes this thread only.
func giveUp(to account, keep uint64) error {
	caps, err := permitted()
	if err != nil {
		return err
	}
	if caps&(1<<unix.CAP_SETPCAP) != 0 {
		// A program of uid 0 gets all that is in the bounding set at exec.
		for c := 0; c <= unix.CAP_LAST_CAP; c++ {
			if keep&(1<<c) != 0 {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && err != unix.EINVAL {
				return fmt.Errorf("bounding set: %w", err)
			}
		}
	}
	if to.change {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("keep capabilities: %w", err)
		}
		if err := become(to); err != nil {
			return err
		}
	}
	keep &= caps
	low, high := uint32(keep), uint32(keep>>32)
	data := [2]unix.CapUserData{{Effective: low, Permitted: low, Inheritable: low}, {Effective: high, Permitted: high, Inheritable: high}}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	for rest := keep; rest != 0; rest &= rest - 1 {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(bits.TrailingZeros64(rest)), 0, 0); err != nil {
			return fmt.Errorf("ambient capability: %w", err)
		}
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// become switches groups and user of this thread; package syscall would switch
// all threads, which a build with cgo does by other means than one without.
func become(to account) error {
	gid := uint32(to.gid)
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&gid)), 0); errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESGID, uintptr(to.gid), uintptr(to.gid), uintptr(to.gid)); errno != 0 {
		return os.NewSyscallError("setresgid", errno)
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(to.uid), uintptr(to.uid), uintptr(to.uid)); errno != 0 {
		return os.NewSyscallError("setresuid", errno)
	}
	return nil
}
