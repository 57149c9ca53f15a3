//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"time"
)

// Cmd is an [exec.Cmd] that starts in a network namespace. Processes die with
// the lab by its process namespace; a parent-death signal would be tied to the
// thread that started them.
type Cmd struct {
	*exec.Cmd
	ns *NS
}

// Command returns a command that will run in the namespace. Its end is tied to
// ctx as in [exec.CommandContext].
func (n *NS) Command(ctx context.Context, path string, args ...string) *Cmd {
	c := exec.CommandContext(ctx, path, args...)
	// Grandchildren may hold the output open.
	c.WaitDelay = time.Second
	return &Cmd{Cmd: c, ns: n}
}

// Start starts the command in the namespace.
func (c *Cmd) Start() error { return c.ns.Do(c.Cmd.Start) }

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns its standard output. The error carries
// the standard error, unless that was set to go elsewhere.
func (c *Cmd) Output() ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	captured := c.Stderr == nil
	if captured {
		c.Stderr = &stderr
	}
	err := c.Run()
	var exit *exec.ExitError
	if captured && errors.As(err, &exit) {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the command and returns its standard output and error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	err := c.Run()
	return b.Bytes(), err
}
