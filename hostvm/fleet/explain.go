package fleet

import (
	"context"
	"net/netip"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Explain implements Fleet. A node without session, or one that does not
// answer in time, has a Path with the Problem. NOT_FOUND for an unknown name.
func (m *Manager) Explain(ctx context.Context, a netip.Addr, names []string) ([]Path, error) {
	list := m.all()
	if len(names) > 0 {
		list = nil
		for _, name := range names {
			n, err := m.find(name)
			if err != nil {
				return nil, err
			}
			list = append(list, n)
		}
	}
	paths := make([]Path, len(list))
	var wg sync.WaitGroup
	for i, n := range list {
		wg.Go(func() { paths[i] = n.explain(ctx, a) })
	}
	wg.Wait()
	return paths, nil
}

func (n *node) explain(ctx context.Context, a netip.Addr) Path {
	ctx, cancel := context.WithTimeout(ctx, n.m.timing.Explain)
	defer cancel()
	for {
		live, path := n.current(ctx)
		if live == nil {
			return path
		}
		r, err := live.client.Explain(ctx, &pb.ExplainRequest{Address: a.AsSlice()}, grpc.MaxCallRecvMsgSize(maxAlarm))
		if err == nil {
			return n.path(r)
		}
		if !live.isOver() {
			path.Problem = "the agent did not answer in time"
			if status.Code(err) != codes.DeadlineExceeded {
				path.Problem = "the agent did not answer: " + claim(status.Convert(err).Message())
			}
			return path
		}
	}
}

// path is an agent's answer.
func (n *node) path(r *pb.ExplainResponse) Path {
	l := n.lock()
	name, alias := l.name, l.portBehind(r)
	n.unlock()
	protocol := ""
	switch {
	case r.Ours:
		protocol = "hcsroute"
	case r.RtmProtocol != 0: // there is a route
		protocol = routes.ProtocolName(r.RtmProtocol)
	}
	return Path{
		Node: name, Destination: claim(r.Destination), NextHop: claim(r.NextHop), Link: claim(r.Link), Interface: alias, Source: claim(r.Source),
		Metric: r.Metric, Protocol: protocol, Ours: r.Ours, Problem: claim(r.Problem),
	}
}

// current is the node's session, or none and a Path that says why. One that is
// over is waited for until it is renewed.
func (n *node) current(ctx context.Context) (*session, Path) {
	for {
		answered := n.m.answered.wait()
		l := n.lock()
		live, path := l.live, Path{Node: l.name, Problem: l.problem}
		over := live != nil && live.guarded.over
		n.unlock()
		if !over {
			return live, path
		}
		select {
		case <-ctx.Done():
			path.Problem = "the agent did not answer: its session is about to be renewed"
			return nil, path
		case <-answered:
		}
	}
}

func (s *session) isOver() bool {
	_, x := s.lock()
	defer s.unlock()
	return x.over
}

// portBehind is the alias of the port that a path leaves by; empty where none is.
func (l *ledger) portBehind(r *pb.ExplainResponse) string {
	for _, link := range l.links { // a bridge over the NIC has a MAC of its own
		if alias := l.portOf(link.MAC); alias != "" && link.Name == r.Link {
			return alias
		}
	}
	return l.portOf(r.Mac)
}
