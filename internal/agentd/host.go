package agentd

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// maxSession is above the age at which hosts begin a new session by themselves.
const maxSession = 26 * time.Hour

// hostStream lets a host in for as long as its certificate counts.
func (s serving) hostStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	proof, err := s.checkHost(stream.Context())
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(stream.Context())
	defer fail(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, maxSession, errors.New("the session is older than any host lets it be"))
	defer cancel()
	go proof.Watch(ctx, fail)
	return next(srv, provenStream{stream, ctx})
}

// provenStream ends with the proof of its host.
type provenStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc asks a stream for its context
}

// Context ends with the call, or when the host's certificate does not count any more.
func (p provenStream) Context() context.Context { return p.ctx }

func (s serving) hostCall(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, err := s.checkHost(ctx); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// checkHost demands that the host's certificate, which TLS has verified, still counts.
func (s serving) checkHost(ctx context.Context) (*certs.Proof, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no peer")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil, status.Error(codes.Unauthenticated, "no verified certificate")
	}
	proof := certs.NewProof(info.State.VerifiedChains[0], x509.ExtKeyUsageClientAuth, s.files.Roots)
	if err := proof.Check(time.Now()); err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	return proof, nil
}
