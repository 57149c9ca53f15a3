package client

import (
	"context"
	"crypto/x509"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// watched are credentials that keep the error of the last handshake, which
// gRPC passes on as text only.
type watched struct {
	credentials.TransportCredentials
	own  *x509.Certificate
	last *atomic.Pointer[error]
}

// ClientHandshake ends when the service has accepted the handshake too.
func (w watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	attempt := certs.CallerLink().Dial(raw, w.own)
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, attempt)
	if err == nil {
		attempt.Accepted()
		conn, err = certs.First(ctx, conn)
	}
	if err != nil {
		err = attempt.Explain(err)
	}
	w.last.Store(&err)
	return conn, info, err
}

// Clone copies the credentials; the place of the error is shared.
func (w watched) Clone() credentials.TransportCredentials {
	w.TransportCredentials = w.TransportCredentials.Clone()
	return w
}
