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

// Place is the file of a unix socket.
type Place struct {
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
	place Place
	open  func() (socket, error)

	mu sync.Mutex
	socket
	closed bool
	said   string // the last problem with the file
}

// socket is one opening of the place.
type socket struct {
	inner  *net.UnixListener
	made   os.FileInfo
	folder bool // was made for it
}

// Unix listens on a socket of mode 0600 (on Linux from its first moment on),
// then of the place's. A socket file that nobody answers on is left over and
// removed; one that somebody answers on, and any other file, is an error.
// Closing the listener removes its own socket and never another one's.
func Unix(ctx context.Context, p Place) (*UnixListener, error) {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	p.Look = cmp.Or(p.Look, defaultLook)
	l := &UnixListener{place: p}
	l.open = func() (socket, error) { return l.place.open(context.WithoutCancel(ctx)) }
	var err error
	l.socket, err = l.place.open(ctx)
	if err != nil {
		return nil, err
	}
	l.place.warnShut()
	return l, nil
}

func (p Place) open(ctx context.Context) (s socket, err error) {
	if s.folder, err = p.makeFolder(); err != nil {
		return s, fmt.Errorf("make the socket's folder: %w", err)
	}
	if err := clearSocket(ctx, p.Path); err != nil {
		return s, err
	}
	config := net.ListenConfig{Control: socketMode}
	inner, err := config.Listen(ctx, "unix", p.Path)
	if err != nil {
		return s, err
	}
	s.inner = inner.(*net.UnixListener)
	s.inner.SetUnlinkOnClose(false)
	if s.made, err = os.Lstat(p.Path); err == nil {
		err = p.apply(p.Path, p.Socket)
	}
	if err != nil {
		return s, errors.Join(err, s.inner.Close())
	}
	return s, nil
}

func (p Place) makeFolder() (made bool, err error) {
	dir := filepath.Dir(p.Path)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // made by the operator or the service manager, as they want it
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	return true, p.apply(dir, p.Folder)
}

func (a Access) apply(path string, mode fs.FileMode) error {
	if a.Group >= 0 {
		err := os.Lchown(path, -1, a.Group)
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%w: only a member of group %d (SupplementaryGroups= of the unit) and who was started as root can give it to that group", err, a.Group)
		}
		if err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}

// warnShut tells where a folder that others have made keeps out whom the
// socket lets in.
func (p Place) warnShut() {
	dir := filepath.Dir(p.Path)
	info, err := os.Stat(dir)
	if err != nil || p.Socket&0o066 == 0 {
		return
	}
	mode := info.Mode().Perm()
	if mode&0o001 == 0 && (mode&0o010 == 0 || p.Group != groupOf(info)) {
		p.Log.Warn("the socket's folder keeps out those whom the configuration admits; give it the mode that they need", "folder", dir, "mode", mode.String(), "needed", p.Folder.String())
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
		if err := inner.SetDeadline(time.Now().Add(l.place.Look)); err != nil {
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
			l.place.Log.Error("the socket's file is gone and cannot be made again; connections that stand go on", "path", l.place.Path, "error", err)
		}
		return
	}
	l.place.Log.Warn("the socket's file was gone; it is made again", "path", l.place.Path)
	_ = l.inner.Close() // nobody can be in its queue: the file was gone and Accept had waited
	next.folder = next.folder || l.folder
	l.socket, l.said = next, ""
}

// own reports whether our socket is at the path.
func (l *UnixListener) own() bool {
	now, err := os.Lstat(l.place.Path)
	return err == nil && os.SameFile(now, l.made) && now.ModTime().Equal(l.made.ModTime())
}

// Open lets others reach the socket from now on, or changes nothing.
func (l *UnixListener) Open(a Access) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.adapt(a); err != nil {
		_ = l.adapt(l.place.Access) // as far as anything has changed
		return err
	}
	l.place.Access = a
	l.place.warnShut()
	return nil
}

// adapt gives the socket, and a folder of our own, to who shall reach it.
func (l *UnixListener) adapt(a Access) error {
	if !l.own() {
		return nil // keep makes it again, with the access of then
	}
	if l.folder {
		if err := a.apply(filepath.Dir(l.place.Path), a.Folder); err != nil {
			return err
		}
	}
	return a.apply(l.place.Path, a.Socket)
}

// Addr is the socket's address.
func (l *UnixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.place.Path, Net: "unix"} }

// Close stops listening.
func (l *UnixListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.own() {
		os.Remove(l.place.Path)
	}
	return l.inner.Close()
}
