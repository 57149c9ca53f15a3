package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// listenUnix listens on a socket of mode 0600, in a folder that is made with
// mode 0700 if missing. A socket file that nobody answers on is left over and
// removed; one that somebody answers on is an error.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("the path exists and is not a socket")
	default:
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		if err == nil {
			return nil, errors.Join(errors.New("another process listens there"), conn.Close())
		}
		if !refused(err) {
			return nil, fmt.Errorf("whether another process listens there is unknown: %w", err)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	lc := net.ListenConfig{Control: socketMode}
	return lc.Listen(ctx, "unix", path)
}
