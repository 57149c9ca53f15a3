package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

type dialing struct {
	n *node
	target
}

// connect dials the agent and exchanges hellos.
func (m *Manager) connect(ctx context.Context, cancel context.CancelCauseFunc, d dialing) (*session, *pb.AgentHello, error) {
	dialCtx, stop := context.WithTimeout(ctx, m.timing.Connect)
	raw, err := m.opts.Dialer.Dial(dialCtx, d.Endpoint, d.n.id)
	stop()
	if err != nil {
		return nil, nil, err
	}
	conn, err := m.client(raw)
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	s := &session{n: d.n, m: m, cancel: cancel, conn: conn, client: pb.NewAgentServiceClient(conn)}
	if p, ok := raw.(Proven); ok {
		s.certificate = p.Leaf()
		go p.Watch(ctx, func(why error) { cancel(errUnproven{why}) })
	}
	hello, err := s.greet(ctx, cancel, d)
	if err != nil {
		conn.Close()
		raw.Close()
		return nil, nil, err
	}
	return s, hello, nil
}

// client makes the gRPC connection over raw, and over nothing else: the
// session ends with raw, and the manager dials again.
func (m *Manager) client(raw net.Conn) (*grpc.ClientConn, error) {
	var once sync.Once
	dial := func(context.Context, string) (conn net.Conn, err error) {
		err = errors.New("the agent has hung up")
		once.Do(func() { conn, err = raw, nil })
		return conn, err
	}
	return grpc.NewClient("passthrough:///agent",
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the Dialer has done TLS
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: m.timing.Connect}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: m.timing.KeepaliveTime, Timeout: m.timing.KeepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(agentapi.MaxReport)),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithIdleTimeout(0), grpc.WithNoProxy(),
	)
}

// greet exchanges the hellos and decides what the agent's set is worth.
func (s *session) greet(ctx context.Context, cancel context.CancelCauseFunc, d dialing) (*pb.AgentHello, error) {
	late := time.AfterFunc(s.m.timing.Hello, func() {
		cancel(fmt.Errorf("the agent accepted the connection but sent no hello within %s", s.m.timing.Hello))
	})
	defer late.Stop()
	codec := boundedBy(func(data []byte) error { return checkMessage(data, s.limit()) }, cancel)
	stream, err := s.client.Session(ctx, grpc.ForceCodecV2(codec))
	if err != nil {
		return nil, err
	}
	s.stream, s.ports = stream, d.n.portsMessage()
	info := s.m.opts.Store.Info()
	err = stream.Send(&pb.SessionRequest{Message: &pb.SessionRequest_Hello{Hello: &pb.HostHello{
		Protocol: agentapi.Protocol, NodeId: d.n.id, Version: agentapi.Version(info.Version), Adopt: d.adopt,
		HostVersion: s.m.opts.Version, Ports: s.ports, ReportEvery: durationpb.New(s.m.timing.ReportEvery),
	}}})
	msg, recvErr := stream.Recv()
	if recvErr != nil {
		return nil, recvErr
	}
	if err != nil {
		return nil, err
	}
	hello := msg.GetHello()
	// The hello of an agent that refuses says what it is and holds, too: what
	// follows from that has a remedy here, the agent's own words have none.
	switch {
	case hello == nil:
		return nil, refusal("the agent's first message is not a hello", "See whether another program listens at "+d.Endpoint)
	case hello.Protocol != agentapi.Protocol:
		return nil, refusal(fmt.Sprintf("the agent speaks protocol %d, this service %d", hello.Protocol, agentapi.Protocol), "Install the same release on the device and in the node")
	case hello.NodeId != d.n.id:
		return nil, refusal(fmt.Sprintf("the agent at %s is that of node %q, not of %q", d.Endpoint, claim(hello.NodeId), d.n.id), "Correct the endpoint or the id in the inventory file")
	}
	if err := s.judge(ctx, hello, d); err != nil {
		return nil, err
	}
	if hello.Refusal != "" {
		return nil, refusal("the agent refuses: "+claim(hello.Refusal), "Do as the agent says; 'journalctl -u hcsroute-agent' in the node may say more")
	}
	return hello, nil
}

// knows reports whether held is the store's set now, or was it at a revision
// from which a delta leads on.
func (m *Manager) knows(held, now routes.Version) bool {
	if held == now {
		return true
	}
	if held.StoreID != now.StoreID || held.Epoch != now.Epoch || held.Revision >= now.Revision {
		return false
	}
	d, ok := m.deltaFrom(held)
	return ok && d.from == held
}
