//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInit is the first process inside, number 1 of its process namespace: with
// it end all others. It mounts, starts the program, passes signals on and
// collects the orphans.
func runInit() int {
	unix.CloseOnExec(statusFD)
	unix.CloseOnExec(lifeFD)
	status, life := os.NewFile(statusFD, "status"), os.NewFile(lifeFD, "lifeline")
	if status == nil || life == nil {
		fmt.Fprintf(os.Stderr, "lab: %s is set by hand; unset it\n", stageVar)
		return 2
	}
	// The terminal sends its signals to this process too; it must outlive them.
	_, stop := catchSignals()
	defer stop()

	dir := os.Getenv(dirVar)
	pid, err := prepareAndStart(dir)
	if err != nil {
		fmt.Fprint(status, err)
		return 1
	}
	fmt.Fprint(status, "ok")
	status.Close()
	code := attend(pid, life)
	unmountState(dir)
	return code
}

func prepareAndStart(dir string) (int, error) {
	if err := prepareMounts(dir); err != nil {
		return 0, err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, stageVar+"=") })
	pid, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env: append(env, stageVar+"="+stageProgram), Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, fmt.Errorf("start the program inside: %w", err)
	}
	return pid, nil
}

// prepareMounts hides all mounts made here from the rest of the system, and
// puts a tmpfs on the state folder, so that the state goes with the namespace.
func prepareMounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	// A /proc of the new process namespace. Containers forbid it by masking
	// parts of theirs; the one at hand serves as well.
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// Each namespace is given its sysctls, so this is needed before all else.
	if f, err := os.OpenFile("/proc/sys/net/ipv4/ip_forward", os.O_WRONLY, 0); err != nil {
		return fmt.Errorf("write network sysctls: %w; /proc/sys must be writable, which containers forbid unless privileged", err)
	} else {
		f.Close()
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size=1g"); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// attend passes signals to the program and returns its exit code after all
// processes inside have ended. The end of the lifeline, which is the end of
// the outer process, kills them.
func attend(pid int, life io.Reader) int {
	program, rest := make(chan int, 1), make(chan struct{})
	go reap(pid, program, rest)
	numbers := make(chan byte)
	go readNumbers(life, numbers)
	code := 0
	for {
		select {
		case code = <-program:
			_ = unix.Kill(-1, unix.SIGKILL)
		case number, open := <-numbers:
			if open {
				_ = unix.Kill(pid, syscall.Signal(number))
				continue
			}
			numbers = nil
			_ = unix.Kill(-1, unix.SIGKILL)
		case <-rest:
			select {
			case code = <-program:
			default:
			}
			return code
		}
	}
}

// reap collects every process until none is left.
func reap(pid int, program chan<- int, rest chan<- struct{}) {
	defer close(rest)
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return
		case got == pid:
			program <- exitCode(status)
		}
	}
}

func readNumbers(r io.Reader, numbers chan<- byte) {
	defer close(numbers)
	b := make([]byte, 1)
	for {
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		numbers <- b[0]
	}
}

// unmountState removes the folder here as well: the outer process may be dead.
// Nothing can be done about a failure, an empty folder stays.
func unmountState(dir string) {
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_ = os.Remove(dir)
}
