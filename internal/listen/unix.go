// Package listen holds what the service and the agent have in common where
// they listen.
package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// probe bounds the question whether somebody answers on a socket.
	probe = time.Second
	// defaultLook is seldom: each look wakes a process that has nothing to do.
	defaultLook = 10 * time.Second
)

// SocketFile is the file of a unix socket.
type SocketFile struct {
	Path string
	Access
	Log  *slog.Logger  // nil: no log
	Look time.Duration // how often the file is looked at while nobody connects; 0 for 10 s
}

// Access is who reaches a socket's file.
type Access struct {
	Folder, Socket fs.FileMode // the folder's only where it is made
	Group          int         // that both are given to; -1: none but our own
}

// Private is for our own uid only.
func Private() Access { return Access{Folder: 0o700, Socket: 0o600, Group: -1} }

// UnixListener listens on a unix socket whose file is made again where it is
// taken away: whoever tidies up a folder must not cut the callers off.
type UnixListener struct {
	file SocketFile
	open func() (socket, error)

	mu sync.Mutex
	socket
	closed bool
	said   string // the last problem with the file
}

// socket is one opening of the socket file.
type socket struct {
	inner  *net.UnixListener
	made   os.FileInfo
	folder bool // was made for it
}

// Unix listens on a socket of mode 0600 (on Linux from its first moment on),
// then of the one that f asks for. A socket file that nobody answers on is left over and
// removed; one that somebody answers on, and any other file, is an error.
// Closing the listener removes its own socket and never another one's.
func Unix(ctx context.Context, f SocketFile) (*UnixListener, error) {
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	f.Look = cmp.Or(f.Look, defaultLook)
	l := &UnixListener{file: f}
	l.open = func() (socket, error) { return l.file.open(context.WithoutCancel(ctx)) }
	var err error
	l.socket, err = l.file.open(ctx)
	if err != nil {
		return nil, err
	}
	l.file.warnShut()
	return l, nil
}

func (f SocketFile) open(ctx context.Context) (s socket, err error) {
	if s.folder, err = f.makeFolder(); err != nil {
		return s, fmt.Errorf("make the socket's folder: %w", err)
	}
	if err := clearSocket(ctx, f.Path); err != nil {
		return s, err
	}
	config := net.ListenConfig{Control: socketMode}
	inner, err := config.Listen(ctx, "unix", f.Path)
	if err != nil {
		return s, err
	}
	s.inner = inner.(*net.UnixListener)
	s.inner.SetUnlinkOnClose(false)
	if s.made, err = os.Lstat(f.Path); err == nil {
		err = f.apply(f.Path, f.Socket)
	}
	if err != nil {
		return s, errors.Join(err, s.inner.Close())
	}
	return s, nil
}

func (f SocketFile) makeFolder() (made bool, err error) {
	dir := filepath.Dir(f.Path)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // made by the operator or the service manager, as they want it
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	return true, f.apply(dir, f.Folder)
}

func (a Access) apply(path string, mode fs.FileMode) error {
	if a.Group >= 0 {
		err := os.Lchown(path, -1, a.Group)
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%w: only a member of group %d (SupplementaryGroups= of the unit), or a process that was started as root, can give it to that group", err, a.Group)
		}
		if err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}

// warnShut warns where a folder that others have made keeps out those whom the
// socket lets in.
func (f SocketFile) warnShut() {
	dir := filepath.Dir(f.Path)
	info, err := os.Stat(dir)
	if err != nil || f.Socket&0o066 == 0 {
		return
	}
	mode := info.Mode().Perm()
	if mode&0o001 == 0 && (mode&0o010 == 0 || f.Group != groupOf(info)) {
		f.Log.Warn("the socket's folder keeps out those whom the configuration admits; give it the mode that they need", "folder", dir, "mode", mode.String(), "needed", f.Folder.String())
	}
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

// Accept waits for the next connection.
func (l *UnixListener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		inner := l.inner
		l.mu.Unlock()
		if err := inner.SetDeadline(time.Now().Add(l.file.Look)); err != nil {
			return nil, err
		}
		c, err := inner.Accept()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return c, err
		}
		l.keep()
	}
}

// keep makes the socket's file again where it is gone.
func (l *UnixListener) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.own() {
		l.said = ""
		return
	}
	next, err := l.open()
	if err != nil {
		if text := err.Error(); text != l.said {
			l.said = text
			l.file.Log.Error("the socket's file is gone and cannot be made again; connections that stand go on", "path", l.file.Path, "error", err)
		}
		return
	}
	l.file.Log.Warn("the socket's file was gone; it is made again", "path", l.file.Path)
	_ = l.inner.Close() // nobody can be in its queue: the file was gone and Accept had waited
	next.folder = next.folder || l.folder
	l.socket, l.said = next, ""
}

// own reports whether our socket is at the path.
func (l *UnixListener) own() bool {
	now, err := os.Lstat(l.file.Path)
	return err == nil && os.SameFile(now, l.made) && now.ModTime().Equal(l.made.ModTime())
}

// Open lets others reach the socket from now on, or changes nothing.
func (l *UnixListener) Open(a Access) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.adapt(a); err != nil {
		_ = l.adapt(l.file.Access) // as far as anything has changed
		return err
	}
	l.file.Access = a
	l.file.warnShut()
	return nil
}

// adapt gives the socket, and a folder of our own, to who shall reach it.
func (l *UnixListener) adapt(a Access) error {
	if !l.own() {
		return nil // keep makes it again, with the access of then
	}
	if l.folder {
		if err := a.apply(filepath.Dir(l.file.Path), a.Folder); err != nil {
			return err
		}
	}
	return a.apply(l.file.Path, a.Socket)
}

// Addr is the socket's address.
func (l *UnixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.file.Path, Net: "unix"} }

// Close stops listening.
func (l *UnixListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.own() {
		os.Remove(l.file.Path)
	}
	return l.inner.Close()
}
