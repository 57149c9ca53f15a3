package daemon

import (
	"errors"
	"fmt"
	"net"
)

// notify tells the service manager, where there is one (sd_notify(3)).
func notify(environ []string, state string) error {
	path := lookup(environ, "NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}
