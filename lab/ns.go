//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	ownNetNS       = "/proc/thread-self/ns/net"
	netlinkTimeout = 10 * time.Second
)

// NS is a network namespace. It lives as long as it is open or a process runs
// in it. Its methods may be called from any goroutine.
type NS struct {
	name   string
	file   *os.File
	path   string
	handle *netlink.Handle
}

// NewNS makes an empty network namespace with lo up. If dir is not empty the
// namespace gets a handle file of its name there, for tools such as nsenter.
func NewNS(name, dir string) (*NS, error) {
	if !inside() {
		return nil, ErrOutside
	}
	n := &NS{name: name}
	err := onThread(func() error {
		err := unix.Unshare(unix.CLONE_NEWNET)
		if errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("make it: %w; raise sysctl user.max_net_namespaces", err)
		}
		if err != nil {
			return fmt.Errorf("make it: %w", err)
		}
		if dir != "" {
			if err := n.bind(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if n.file, err = os.Open(ownNetNS); err != nil {
			return err
		}
		// Sockets keep the namespace in which they were made.
		if n.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("open netlink: %w", err)
		}
		n.handle.RetryInterrupted()
		if err := n.handle.SetSocketTimeout(netlinkTimeout); err != nil {
			return err
		}
		return writeSysctls(baseSysctls())
	})
	if err == nil {
		err = n.SetUp("lo")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab: network namespace %s: %w", name, err), n.Close())
	}
	return n, nil
}

func (n *NS) bind(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("handle file: %w", err)
	}
	f.Close()
	n.path = path
	if err := unix.Mount(ownNetNS, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the handle file %s: %w", path, err)
	}
	return nil
}

// Name returns the namespace's name.
func (n *NS) Name() string { return n.name }

// Path returns the handle file, if there is one.
func (n *NS) Path() string { return n.path }

// Handle returns a netlink handle of the namespace.
func (n *NS) Handle() *netlink.Handle { return n.handle }

// Close lets go of the namespace. Processes in it keep it alive.
func (n *NS) Close() error {
	var errs []error
	if n.handle != nil {
		errs = append(errs, n.handle.Close())
	}
	if n.file != nil {
		errs = append(errs, n.file.Close())
	}
	if n.path != "" {
		if err := unix.Unmount(n.path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", n.path, err))
		}
		errs = append(errs, os.Remove(n.path))
	}
	return errors.Join(errs...)
}

// Do runs f in the namespace, on a thread of its own that ends afterwards, so
// that no other code can find itself there. Sockets that f opens stay in the
// namespace; goroutines that f starts do not run in it.
func (n *NS) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("lab: enter network namespace %s: %w", n.name, err)
		}
		return f()
	})
}

// onThread runs f on a thread that is never used again: a goroutine that ends
// with its thread locked ends the thread.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("lab: the function ended its goroutine; return an error instead")
		defer func() { done <- err }()
		runtime.LockOSThread()
		err = f()
	}()
	return <-done
}

// Wait polls ok until it is true or ctx ends.
func Wait(ctx context.Context, what string, ok func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: waited for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
