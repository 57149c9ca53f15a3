//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	agentpb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const maxMessage = 64 << 20

// session plays the service's part towards one agent.
type session struct {
	conn     *grpc.ClientConn
	stream   grpc.BidiStreamingClient[agentpb.SessionRequest, agentpb.SessionResponse]
	ports    *agentpb.Ports
	revision uint64
	cancel   context.CancelFunc
}

// openSession says hello to a site's agent.
func openSession(ctx context.Context, s *site) (*session, error) {
	conn, err := dialUnix("unix://" + s.node.Socket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	h := &session{conn: conn, cancel: cancel}
	h.ports = &agentpb.Ports{Ports: []*agentpb.Port{{Id: 1, Interface: port, Mac: s.mac}}}
	if h.stream, err = agentpb.NewAgentServiceClient(conn).Session(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	hello := &agentpb.HostHello{Protocol: agentapi.Protocol, NodeId: s.node.Name, Version: versionOf(nil, 0), HostVersion: "bench", Ports: h.ports}
	if err := h.stream.Send(&agentpb.SessionRequest{Message: &agentpb.SessionRequest_Hello{Hello: hello}}); err != nil {
		return nil, errors.Join(err, h.close())
	}
	answer, err := h.stream.Recv()
	if err == nil && answer.GetHello().GetRefusal() != "" {
		err = errors.New(answer.GetHello().GetRefusal())
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func dialUnix(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
}

// push gives the agent a whole set. It takes until the agent reports that the
// set is on its disk and was read back from its kernel.
func (h *session) push(set []routes.Route) (time.Duration, error) {
	h.revision++
	parts, version := snapshot(set), versionOf(set, h.revision)
	parts[0].GetSnapshot().Ports = h.ports
	parts[0].GetSnapshot().Version, parts[len(parts)-1].GetSnapshot().Version = version, version
	return timed(func() error {
		for _, p := range parts {
			if err := h.stream.Send(p); err != nil {
				return err
			}
		}
		for {
			m, err := h.stream.Recv()
			if err != nil {
				return err
			}
			r := m.GetReport()
			if r.GetVersion().GetRevision() != h.revision {
				continue
			}
			if len(r.Exceptions) > 0 || r.Resync {
				return fmt.Errorf("the agent reports %d exceptions, resync %v: %v", len(r.Exceptions), r.Resync, r.Exceptions[:min(1, len(r.Exceptions))])
			}
			return nil
		}
	})
}

// close ends the session; what the agent holds stays.
func (h *session) close() error {
	h.cancel()
	return h.conn.Close()
}
