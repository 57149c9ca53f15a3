package client

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
)

// watched are credentials that keep the error of the last handshake, which
// gRPC passes on as text only.
type watched struct {
	credentials.TransportCredentials
	last *atomic.Pointer[error]
}

// ClientHandshake keeps its error, and that of reading: in TLS 1.3 a server
// refuses a client's certificate after the handshake (RFC 8446, section 4.4.2.4).
func (w watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	w.last.Store(&err)
	if err != nil {
		return nil, nil, err
	}
	return watchedConn{conn, w.last}, info, nil
}

// Clone copies the credentials; the place of the error is shared.
func (w watched) Clone() credentials.TransportCredentials {
	return watched{w.TransportCredentials.Clone(), w.last}
}

type watchedConn struct {
	net.Conn
	last *atomic.Pointer[error]
}

// Read keeps its error.
func (c watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.last.Store(&err)
	}
	return n, err
}
