// Package listen holds what the service and the agent have in common where
// they listen.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// probe bounds the question whether somebody answers on a socket.
const probe = time.Second

// Unix listens on a socket of mode 0600 (on Linux from its first moment on).
// A socket file that nobody answers on is left over and removed; one that
// somebody answers on, and any other file, is an error. Closing the listener
// removes its own socket and never another one's.
func Unix(ctx context.Context, path string) (net.Listener, error) {
	if err := clearSocket(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: socketMode}
	inner, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	l := inner.(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &unixListener{UnixListener: l, path: path, made: made}, nil
}

// clearSocket removes a socket that nobody listens on any more, and nothing else.
func clearSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket; remove it or use another path", path)
	}
	dialer := net.Dialer{Timeout: probe}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("another process listens on %s; stop it or use another path", path), conn.Close())
	}
	if !refused(err) {
		return fmt.Errorf("whether another process listens on %s is unknown: %w", path, err)
	}
	return os.Remove(path)
}

type unixListener struct {
	*net.UnixListener
	path string
	made os.FileInfo
}

// Close stops listening.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}
