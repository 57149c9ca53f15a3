package listen_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/listen"
	"github.com/hcsroute/hcsroute/internal/polltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v", info.Mode())
	}
	if _, err := listen.Unix(t.Context(), private(path)); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Fatalf("a second listener: %v", err)
	}
	must(t, l.Close())
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the socket is left: %v", err)
	}
}

func TestUnixTakesOverWhatIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	dead.SetUnlinkOnClose(false)
	must(t, dead.Close())
	l, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	must(t, l.Close())
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := listen.Unix(t.Context(), private(path)); err == nil {
		t.Fatal("a plain file was taken for a socket")
	}
}

func TestUnixLeavesAnotherSocketAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	must(t, os.Rename(path, path+".aside"))
	second, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	must(t, first.Close())
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the end of the first listener took the second's socket: %v", err)
	}
	must(t, errors.Join(conn.Close(), second.Close()))
}

func private(path string) listen.SocketFile {
	return listen.SocketFile{Path: path, Access: listen.Private(), Look: 50 * time.Millisecond}
}

// TestUnixIsMadeAgain: whoever removes the socket's file, or its folder, cuts
// nobody off for long.
func TestUnixIsMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s")
	l, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	accepted, ended := serve(l)
	stands := dial(t, path)
	served := <-accepted
	for _, victim := range []string{path, filepath.Dir(path)} {
		must(t, os.RemoveAll(victim))
		polltest.Until(t, "the socket made again", func() bool {
			c, err := net.Dial("unix", path)
			if err != nil {
				return false
			}
			must(t, errors.Join(c.Close(), (<-accepted).Close()))
			return true
		})
		socket, err := os.Lstat(path)
		must(t, err)
		folder, err := os.Lstat(filepath.Dir(path))
		must(t, err)
		if socket.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
			t.Errorf("made again: socket %v, folder %v", socket.Mode(), folder.Mode())
		}
	}
	_, err = stands.Write([]byte("x"))
	must(t, err)
	if n, err := served.Read(make([]byte, 1)); n != 1 {
		t.Errorf("a connection from before: %v", err)
	}
	must(t, errors.Join(stands.Close(), served.Close(), l.Close()))
	<-ended
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// TestUnixMadeAgainTakesNobodysPlace: the path of a socket that another process
// has taken meanwhile is left to it.
func TestUnixMadeAgainTakesNobodysPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var log lines
	file := private(path)
	file.Log = slog.New(slog.NewTextHandler(&log, nil))
	first, err := listen.Unix(t.Context(), file)
	must(t, err)
	_, ended := serve(first)
	must(t, os.Remove(path))
	second, err := net.Listen("unix", path)
	must(t, err)
	accepted, secondEnded := serve(second)
	polltest.Until(t, "the warning in the log", func() bool { return strings.Contains(log.String(), "another process listens") })
	for c := range accepted { // the first asked whether somebody is there
		must(t, c.Close())
		break
	}
	must(t, first.Close())
	<-ended
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's socket is gone: %v", err)
	}
	go func() {
		for c := range accepted {
			c.Close()
		}
	}()
	must(t, second.Close())
	<-secondEnded
	close(accepted)
}

// TestOpen: others reach the socket from now on, also through a folder that was
// made for it; where they cannot, everything stays as it was.
func TestOpen(t *testing.T) {
	modes := func(path string) string {
		t.Helper()
		file, err := os.Stat(path)
		must(t, err)
		folder, err := os.Stat(filepath.Dir(path))
		must(t, err)
		return fmt.Sprintf("%o %o", folder.Mode().Perm(), file.Mode().Perm())
	}
	path := filepath.Join(t.TempDir(), "run", "s")
	l, err := listen.Unix(t.Context(), private(path))
	must(t, err)
	defer l.Close()
	all := listen.Access{Folder: 0o711, Socket: 0o666, Group: -1}
	must(t, l.Open(all))
	if got := modes(path); got != "711 666" {
		t.Errorf("open to all: %s", got)
	}
	err = withoutChown(t, func() error { return l.Open(listen.Access{Folder: 0o750, Socket: 0o660, Group: 4242}) })
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "member of group 4242") {
		t.Errorf("a group that we may not give it to: %v", err)
	}
	if got := modes(path); got != "711 666" {
		t.Errorf("a refusal has changed it to %s", got)
	}
	// A socket that is made again is as before.
	_, ended := serve(l)
	must(t, os.Remove(path))
	polltest.Until(t, "the socket made again", func() bool { _, err := os.Lstat(path); return err == nil && modes(path) == "711 666" })
	must(t, l.Open(listen.Private()))
	if got := modes(path); got != "700 600" {
		t.Errorf("private again: %s", got)
	}
	must(t, l.Close())
	<-ended
}

// TestShutFolder: a folder that was there is left as it is, and named where it
// keeps out whom the socket lets in.
func TestShutFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	must(t, os.Mkdir(dir, 0o700))
	var log lines
	file := private(filepath.Join(dir, "s"))
	file.Log = slog.New(slog.NewTextHandler(&log, nil))
	l, err := listen.Unix(t.Context(), file)
	must(t, err)
	defer l.Close()
	if text := log.String(); text != "" {
		t.Errorf("nobody is kept out: %s", text)
	}
	all := listen.Access{Folder: 0o711, Socket: 0o666, Group: -1}
	must(t, l.Open(all))
	if text := log.String(); !strings.Contains(text, "keeps out") || !strings.Contains(text, dir) {
		t.Errorf("the log says %q", text)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	must(t, os.Chmod(dir, 0o711))
	before := log.String()
	must(t, l.Open(all))
	if text := log.String(); text != before {
		t.Errorf("nobody is kept out any more: %s", text)
	}
}

// withoutChown calls fn on a thread that may give files to no group; it is
// never given back.
func withoutChown(t *testing.T, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			done <- err
			return
		}
		data[0].Effective &^= 1 << unix.CAP_CHOWN
		if err := unix.Capset(&header, &data[0]); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	return <-done
}

// lines is a log for many goroutines.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	must(t, err)
	return c
}

// serve accepts until the listener is closed.
func serve(l net.Listener) (accepted chan net.Conn, ended chan error) {
	accepted, ended = make(chan net.Conn), make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	return accepted, ended
}
