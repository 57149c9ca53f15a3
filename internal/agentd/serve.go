package agentd

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/listen"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
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

type serving struct {
	listener net.Listener
	files    *certs.Files // nil: none
}

// serve serves the agent on one listener until ctx ends.
func (e environment) serve(ctx context.Context, a *agent.Agent, s serving) error {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(agentapi.MaxReport), grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.ConnectionTimeout(connectTimeout), grpc.MaxHeaderListSize(16 << 10),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, MaxConnectionIdle: idleTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 3, PermitWithoutStream: true}),
	}
	refusals := listen.NewRefusalLog(e.Log)
	if certs.Needed(s.listener.Addr().Network()) {
		if s.files == nil {
			return fmt.Errorf("serve %s: %w", s.listener.Addr(), s.files.Usable())
		}
		options = append(options, grpc.Creds(door{credentials.NewTLS(s.files.HostsOnly()), host, refusals}),
			grpc.StreamInterceptor(s.hostStream), grpc.UnaryInterceptor(s.hostCall))
	} else {
		options = append(options, grpc.Creds(door{insecure.NewCredentials(), localUser, refusals}))
	}
	server := grpc.NewServer(options...)
	pb.RegisterAgentServiceServer(server, a.Service())
	e.Log.Info("listening", "address", s.listener.Addr().Network()+"://"+s.listener.Addr().String())
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := server.Serve(listen.NewGate(s.listener, connections())); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// open opens an address, with good certificates only where its network needs them.
// Other transports have their place here.
func (e environment) open(ctx context.Context, to listening) (l net.Listener, err error) {
	a := to.address
	if certs.Needed(a.Network) {
		if err := to.files.Usable(); err != nil {
			return nil, badFiles{err}
		}
	}
	switch a.Network {
	case "unix":
		l, err = listen.Unix(ctx, listen.SocketFile{Path: a.Host, Access: listen.Private(), Log: e.Log})
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
