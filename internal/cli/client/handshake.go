package client

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// watched are credentials that keep the error of the last handshake, which
// gRPC passes on as text only.
type watched struct {
	credentials.TransportCredentials
	last *atomic.Pointer[error]
}

// ClientHandshake waits for the service's first byte too: in TLS 1.3 a server
// refuses a client's certificate after the handshake (RFC 8446, section
// 4.4.2.4), and whoever writes meanwhile may lose its alert. gRPC's servers
// speak first.
func (w watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err == nil {
		conn, err = begin(ctx, conn)
	}
	w.last.Store(&err)
	return conn, info, err
}

// Clone copies the credentials; the place of the error is shared.
func (w watched) Clone() credentials.TransportCredentials {
	return watched{w.TransportCredentials.Clone(), w.last}
}

// begun is a connection whose first byte has been read already.
type begun struct {
	net.Conn
	first []byte
}

func begin(ctx context.Context, conn net.Conn) (net.Conn, error) {
	deadline, _ := ctx.Deadline() // zero: none
	err := conn.SetReadDeadline(deadline)
	first := make([]byte, 1)
	if err == nil {
		_, err = conn.Read(first)
	}
	return &begun{conn, first}, errors.Join(err, conn.SetReadDeadline(time.Time{}))
}

// Read gives the first byte first.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 && len(p) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}
