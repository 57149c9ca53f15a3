package client

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

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
	var refusal *certs.Refusal
	if errors.As(err, &refusal) {
		err = final{refusal}
	}
	return conn, info, err
}

// final is a refusal of a certificate, which the next attempt would meet too: a
// connection that fails with a status of its own ends the call that waits for it.
type final struct{ *certs.Refusal }

// GRPCStatus is not UNAVAILABLE, which is tried again.
func (f final) GRPCStatus() *status.Status { return status.New(codes.Unauthenticated, f.Error()) }

// Unwrap gives the refusal.
func (f final) Unwrap() error { return f.Refusal }

// Clone copies the credentials; the place of the error is shared.
func (w watched) Clone() credentials.TransportCredentials {
	w.TransportCredentials = w.TransportCredentials.Clone()
	return w
}
