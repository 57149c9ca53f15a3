package process

import (
	"errors"
	"net"
)

// notify sends a state, such as READY=1, to the socket that NOTIFY_SOCKET names
// (sd_notify(3)); without one it does nothing.
func notify(socket, state string) error {
	if socket == "" {
		return nil
	}
	// net knows the abstract name space by its '@', as sd_notify does.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}
