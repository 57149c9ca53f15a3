package daemon

import (
	"errors"
	"net"
)

// notify tells the service manager, where there is one (sd_notify(3)). Routes
// do not depend on it: a failure is only logged.
func (e environment) notify(environ []string, state string) {
	path := lookup(environ, "NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if err := send(path, state); err != nil {
		e.log.Warn("the service manager was not told", "state", state, "error", err)
	}
}

func send(path, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}
