package linux

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// watch is a subscription to changes of links and addresses.
type watch struct {
	// c signals changes; several may be one signal. It is closed when the
	// subscription has ended. What exactly changed is not said: whoever is
	// signalled reads everything.
	c   chan struct{}
	err error // why it ended, once c is closed: ctx's error, or the socket's
}

// subscribe watches until ctx ends. It needs no privilege.
func subscribe(ctx context.Context) (*watch, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("subscribe to links and addresses: %w", err)
	}
	const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to links and addresses: %w", err), unix.Close(fd))
	}
	socket := os.NewFile(uintptr(fd), "netlink links")
	w := &watch{c: make(chan struct{}, 1)}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	go func() {
		defer close(w.c)
		w.err = w.read(socket)
		if stop() {
			_ = socket.Close()
		} else {
			w.err = ctx.Err()
		}
	}()
	return w, nil
}

// read signals until the socket fails or is closed.
func (w *watch) read(socket *os.File) error {
	buf := make([]byte, 4096) // the rest of a longer message is of no interest
	for {
		// ENOBUFS says that changes were lost: a change as well.
		if _, err := socket.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("notifications of links and addresses: %w", err)
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}
