//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	stageVar     = "HCSROUTE_LAB_STAGE"
	dirVar       = "HCSROUTE_LAB_DIR"
	stageInit    = "init"
	stageProgram = "program"

	// statusFD and lifeFD are the files that the outer process hands to the
	// first process inside.
	statusFD = 3
	lifeFD   = 4

	killAfter = 5 * time.Second
)

// EnterOptions says how to enter.
type EnterOptions struct {
	// PlainRoot makes no user namespace; it needs real root. Without it a
	// user namespace is tried first, and plain root only where that fails.
	PlainRoot bool
}

// Entry says where the program is after [Enter].
type Entry struct {
	// Inside is true in the program that runs in the namespaces. Where it is
	// false that program has ended already.
	Inside bool
	// ExitCode is what a process outside must exit with.
	ExitCode int
}

// Enter runs the current program again, with the same arguments, in namespaces
// of its own, and waits for it. A main calls it first of all:
//
//	entry, err := lab.Enter(ctx, lab.EnterOptions{})
//	if err != nil { ... }
//	if !entry.Inside { os.Exit(entry.ExitCode) }
//
// Signals are passed on, and the end of ctx is passed on as SIGTERM. If this
// process dies, all processes inside die. The error is an *[UnavailableError]
// where this system forbids what the lab needs.
func Enter(ctx context.Context, o EnterOptions) (Entry, error) {
	switch os.Getenv(stageVar) {
	case stageInit:
		return Entry{ExitCode: runInit()}, nil
	case stageProgram:
		return Entry{Inside: true}, os.Unsetenv(stageVar)
	}
	var refused []error
	for _, m := range modes(o) {
		code, err := runInside(ctx, m)
		var u *refusedError
		if !errors.As(err, &u) {
			return Entry{ExitCode: code}, err
		}
		refused = append(refused, err)
	}
	return Entry{}, diagnose(refused)
}

// mode is one way in.
type mode struct {
	name   string
	userns bool
}

func modes(o EnterOptions) []mode {
	userns, plain := mode{name: "as user namespace", userns: true}, mode{name: "as root"}
	switch {
	case o.PlainRoot:
		return []mode{plain}
	case os.Geteuid() == 0:
		return []mode{userns, plain}
	}
	return []mode{userns}
}

func (m mode) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	if m.userns {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		// Without "deny" in setgroups an ordinary user may not write gid_map.
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		a.GidMappingsEnableSetgroups = false
	}
	return a
}

// runInside starts the first process inside, waits until it reports, and then
// until it ends.
func runInside(ctx context.Context, m mode) (int, error) {
	dir, err := os.MkdirTemp("", "hcsroute-lab-")
	if err != nil {
		return 1, fmt.Errorf("lab: no folder to mount the state on: %w; set TMPDIR to a writable folder", err)
	}
	defer os.RemoveAll(dir)
	status, statusInside, err := os.Pipe()
	if err != nil {
		return 1, err
	}
	defer status.Close()
	lifeInside, life, err := os.Pipe()
	if err != nil {
		statusInside.Close()
		return 1, err
	}
	defer life.Close()

	// Caught before the child exists, so that no signal is lost.
	signals, stop := catchSignals()
	defer stop()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), stageVar+"="+stageInit, dirVar+"="+dir)
	cmd.ExtraFiles = []*os.File{statusInside, lifeInside}
	cmd.SysProcAttr = m.attributes()
	err = cmd.Start()
	statusInside.Close()
	lifeInside.Close()
	if err != nil {
		return 1, &refusedError{mode: m, err: err}
	}
	report, err := io.ReadAll(io.LimitReader(status, 4096))
	if err != nil || string(report) != "ok" {
		waitErr := cmd.Wait()
		return 1, &refusedError{mode: m, err: startProblem(string(report), errors.Join(err, waitErr))}
	}
	return supervise(ctx, supervised{cmd: cmd, life: life, signals: signals})
}

func startProblem(report string, err error) error {
	if report != "" {
		return errors.New(report)
	}
	return fmt.Errorf("the first process inside ended without a report: %w", err)
}

// supervised is a process inside and what reaches it.
type supervised struct {
	cmd     *exec.Cmd
	life    *os.File
	signals <-chan os.Signal
}

// supervise passes signals on until the process inside ends, and returns its
// exit code.
func supervise(ctx context.Context, s supervised) (int, error) {
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	cancelled := ctx.Done()
	var overdue <-chan time.Time
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 1, fmt.Errorf("lab: wait for the program inside: %w", err)
			}
			return exitCode(s.cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
		case sig := <-s.signals:
			number := sig.(syscall.Signal)
			if !fromTerminal(number) {
				s.pass(number)
			}
		case <-cancelled:
			cancelled = nil
			s.pass(syscall.SIGTERM)
			overdue = time.After(killAfter)
		case <-overdue:
			// At the end of the pipe the first process kills the rest.
			s.life.Close()
		}
	}
}

// pass writes the signal's number to the first process, which sends it on. A
// failure means that it has ended, which the caller sees anyway.
func (s supervised) pass(number syscall.Signal) { _, _ = s.life.Write([]byte{byte(number)}) }

func exitCode(w syscall.WaitStatus) int {
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}
