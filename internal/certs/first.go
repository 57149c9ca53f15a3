package certs

import (
	"context"
	"net"
	"time"
)

// First waits for the server's first byte, which the connection then still gives.
// In TLS 1.3 a server refuses a client's certificate after the handshake (RFC 8446,
// section 4.4.2.4), and a client that writes meanwhile may lose its alert. gRPC's
// servers speak first.
func First(ctx context.Context, conn net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	first := make([]byte, 1)
	_, err := conn.Read(first)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &begun{conn, first}, nil
}

// begun is a connection whose first byte has been read already.
type begun struct {
	net.Conn
	first []byte
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
