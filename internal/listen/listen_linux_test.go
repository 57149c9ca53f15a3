package listen_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/internal/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := listen.Unix(t.Context(), path)
	must(t, err)
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v", info.Mode())
	}
	if _, err := listen.Unix(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another process listens") {
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
	l, err := listen.Unix(t.Context(), path)
	must(t, err)
	must(t, l.Close())
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := listen.Unix(t.Context(), path); err == nil {
		t.Fatal("a plain file was taken for a socket")
	}
}

func TestUnixLeavesAnotherSocketAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listen.Unix(t.Context(), path)
	must(t, err)
	must(t, os.Rename(path, path+".aside"))
	second, err := listen.Unix(t.Context(), path)
	must(t, err)
	must(t, first.Close())
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the end of the first listener took the second's socket: %v", err)
	}
	must(t, errors.Join(conn.Close(), second.Close()))
}

func TestLimit(t *testing.T) {
	inner, err := listen.Unix(t.Context(), filepath.Join(t.TempDir(), "s"))
	must(t, err)
	l := listen.Limit(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
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
	dial := func() net.Conn {
		c, err := net.Dial("unix", inner.Addr().String())
		must(t, err)
		return c
	}
	a, b := dial(), dial()
	first := <-accepted
	if _, ok := first.(interface{ NetConn() net.Conn }).NetConn().(*net.UnixConn); !ok {
		t.Errorf("the connection below is a %T", first)
	}
	select {
	case <-accepted:
		t.Fatal("two connections at a time")
	default:
	}
	must(t, first.Close())
	second := <-accepted
	must(t, errors.Join(a.Close(), b.Close(), l.Close())) // with no slot free
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	must(t, second.Close())
}
