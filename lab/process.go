//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	readyTimeout = time.Minute
	stopTimeout  = time.Minute
	logTail      = 2000
)

// ProcessOptions say what to run.
type ProcessOptions struct {
	// Name names the log file, logs/<name>.log in the state folder. A
	// process of the same name later appends to it.
	Name string
	NS   *NS
	Path string
	Args []string
	// Env is added to the environment.
	Env []string
	// Ready returns nil once the process is; it is polled. Nil means at once.
	Ready func(context.Context) error
	// ReadyTimeout bounds the wait for it, 1 min if zero.
	ReadyTimeout time.Duration
}

// Process is a running child. It is waited for, so it leaves no zombie.
type Process struct {
	// LogPath is the file with its standard output and error.
	LogPath string

	name string
	cmd  *Cmd
	done chan struct{}
	err  error
}

// Start starts a process and waits until it is ready. It ends with
// [Process.Stop], [Process.Kill] or [Lab.Close], not with ctx.
func (l *Lab) Start(ctx context.Context, o ProcessOptions) (*Process, error) {
	if o.NS == nil || o.Name == "" {
		return nil, fmt.Errorf("lab: process %q of %s needs a name and a namespace of the lab: %v", o.Name, o.Path, l.Names())
	}
	dir := filepath.Join(l.StateDir, "logs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	p := &Process{name: o.Name, LogPath: filepath.Join(dir, o.Name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.LogPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: log of %s: %w", o.Name, err)
	}
	defer log.Close()
	p.cmd = o.NS.Command(context.WithoutCancel(ctx), o.Path, o.Args...)
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("lab: start %s: %w", o.Name, err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	l.mu.Lock()
	l.processes = append(l.processes, p)
	l.mu.Unlock()
	if err := p.awaitReady(ctx, o); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func (p *Process) awaitReady(ctx context.Context, o ProcessOptions) error {
	if o.Ready == nil {
		return nil
	}
	if o.ReadyTimeout <= 0 {
		o.ReadyTimeout = readyTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.ReadyTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := o.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("lab: %s ended before it was ready: %w; its log ends: %s", p.name, p.err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("lab: %s is not ready (%w): %w; its log ends: %s", p.name, ctx.Err(), err, p.tail())
		case <-tick.C:
		}
	}
}

func (p *Process) tail() string {
	b, err := os.ReadFile(p.LogPath)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-logTail):]))
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the process and returns how it ended, as
// [exec.Cmd.Wait] does.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("lab: %s still runs: %w", p.name, context.Cause(ctx))
	}
}

// Signal sends a signal. One that has ended already is no error.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("lab: signal %v to %s: %w", s, p.name, err)
	}
	return nil
}

// Stop asks the process to end and waits for it. One that does not end within
// a minute is killed, which is an error.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.NewTimer(stopTimeout)
	defer late.Stop()
	select {
	case <-p.done:
		return nil
	case <-late.C:
	case <-ctx.Done():
	}
	return errors.Join(fmt.Errorf("lab: %s did not end on SIGTERM and was killed; its log ends: %s", p.name, p.tail()), p.Kill())
}

// Kill kills the process and waits for its end.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// ReadySocket is a ready check: the unix socket accepts connections.
func ReadySocket(path string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// ReadyTCP is a ready check: in the namespace, the address (host:port, the host
// an IP address) accepts connections.
func ReadyTCP(ns *NS, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		return ns.Do(func() error {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err != nil {
				return err
			}
			return c.Close()
		})
	}
}
