package daemon

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/internal/agentwire"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/listen"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

const (
	// maxStreams bounds what one connection can take; a host needs two.
	maxStreams = 8
	// maxMessage is the longest message of a host: a delta of 20,000 changes
	// is about 1 MiB.
	maxMessage = 8 << 20
	// window is what a host may send ahead, in bytes: a whole set must not wait
	// for gRPC to find out how fast the agent reads.
	window         = 1 << 20
	connectTimeout = 5 * time.Second
	// A half-open connection is found in 40 s.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	idleTimeout      = time.Minute
)

// roleHost is what the certificate of a host says.
const roleHost = certs.RolePrefix + "host"

type serving struct {
	listener net.Listener
	files    *certs.Files // for tcp
}

// serve serves the agent on one listener until ctx ends.
func (e environment) serve(ctx context.Context, a *agent.Agent, s serving) error {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(agentwire.MaxReport), grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.ConnectionTimeout(connectTimeout), grpc.MaxHeaderListSize(16 << 10),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, MaxConnectionIdle: idleTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 3, PermitWithoutStream: true}),
	}
	if s.listener.Addr().Network() == "tcp" {
		options = append(options, grpc.Creds(door{credentials.NewTLS(s.files.ServerConfig()), verifiedHost}),
			grpc.StreamInterceptor(hostStream), grpc.UnaryInterceptor(hostCall))
	} else {
		options = append(options, grpc.Creds(door{insecure.NewCredentials(), localUser}))
	}
	server := grpc.NewServer(options...)
	pb.RegisterAgentServiceServer(server, a.Service())
	e.log.Info("listening", "address", s.listener.Addr().Network()+"://"+s.listener.Addr().String())
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := server.Serve(listen.NewGate(s.listener, connections())); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
	return nil
}

func hostStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := checkHost(stream.Context()); err != nil {
		return err
	}
	return next(srv, stream)
}

func hostCall(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := checkHost(ctx); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// checkHost demands that the other side's certificate, which TLS has verified,
// is that of a host: other certificates of the same CA are for other things.
func checkHost(ctx context.Context) error {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "no peer")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return status.Error(codes.Unauthenticated, "no verified certificate")
	}
	leaf := info.State.VerifiedChains[0][0]
	if isHost(leaf) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "the certificate of %q is not a host's: it lacks the URI %s", leaf.Subject.CommonName, roleHost)
}

// open opens an address. Other transports have their place here.
func (e environment) open(ctx context.Context, a config.Address) (l net.Listener, err error) {
	switch a.Network {
	case "unix":
		l, err = listen.Unix(ctx, listen.Place{Path: a.Host, Access: listen.Private(), Log: e.log})
	case "tcp":
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", a.Host)
	default:
		err = unsupported(a.Network + " sockets")
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
