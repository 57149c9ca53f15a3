package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/kernel"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// helloTimeout bounds the wait for a host's hello.
const helloTimeout = 10 * time.Second

// Service is the gRPC face of an Agent.
type Service struct {
	pb.UnimplementedAgentServiceServer
	agent *Agent
}

// Service returns the gRPC face of a.
func (a *Agent) Service() *Service { return &Service{agent: a} }

// Session implements the service. This goroutine sends; another one receives.
func (v *Service) Session(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse]) error {
	a, ctx := v.agent, stream.Context()
	opened := make(chan *session, 1)
	failed := make(chan error, 1)
	go func() { failed <- a.receive(stream, opened) }()
	timer := time.NewTimer(helloTimeout)
	defer timer.Stop()
	var s *session
	select {
	case s = <-opened:
	case err := <-failed:
		return err
	case <-timer.C:
		return status.Errorf(codes.DeadlineExceeded, "no hello within %s", helloTimeout)
	}
	select {
	case a.attach <- s:
	case <-a.done:
		return status.Error(codes.Unavailable, errStopping.Error())
	case <-ctx.Done():
		return ctx.Err()
	}
	// The loop answers what it takes, at once.
	hello := <-s.answer
	defer a.leave(s, hello.Refusal == "")
	if err := stream.Send(&pb.SessionResponse{Message: &pb.SessionResponse_Hello{Hello: hello}}); err != nil || hello.Refusal != "" {
		return err
	}
	return a.send(stream, s, failed)
}

// receive takes the host's messages: the hello, then those for the loop.
func (a *Agent) receive(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse], opened chan<- *session) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if hello == nil {
		return status.Errorf(codes.InvalidArgument, "the first message of a session is a hello, not a %T", first.GetMessage())
	}
	s := newSession(hello)
	opened <- s
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case a.inbound <- s.read(m):
		case <-s.quit:
			return sessionError(s.cause)
		case <-a.done:
			return sessionError(errStopping)
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// send sends reports until the session ends.
func (a *Agent) send(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse], s *session, failed <-chan error) error {
	idle := a.idle
	for {
		select {
		case idle <- s:
			idle = nil // until this report is sent
		case r := <-s.out:
			if err := stream.Send(&pb.SessionResponse{Message: &pb.SessionResponse_Report{Report: r}}); err != nil {
				return err
			}
			idle = a.idle
		case <-s.quit:
			return sessionError(s.cause)
		case err := <-failed:
			return err
		case <-stream.Context().Done():
			return status.Error(codes.Unauthenticated, context.Cause(stream.Context()).Error())
		case <-a.done:
			return sessionError(errStopping)
		}
	}
}

// leave lets the loop know that the stream has ended.
func (a *Agent) leave(s *session, accepted bool) {
	if !accepted {
		return
	}
	select {
	case a.detach <- s:
	case <-a.done:
	}
}

func sessionError(cause error) error {
	code := codes.InvalidArgument
	switch {
	case errors.Is(cause, errStopping):
		code = codes.Unavailable
	case errors.Is(cause, errReplaced):
		code = codes.Aborted
	case errors.Is(cause, errTooMany):
		code = codes.ResourceExhausted
	case errors.Is(cause, errOlder), errors.Is(cause, errOther), errors.Is(cause, errMismatch):
		code = codes.FailedPrecondition
	}
	return status.Error(code, cause.Error())
}

// Explain implements the service: it asks the kernel, and changes nothing.
func (v *Service) Explain(ctx context.Context, req *pb.ExplainRequest) (*pb.ExplainResponse, error) {
	addr, ok := netip.AddrFromSlice(req.GetAddress())
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "an address of %d bytes; want 4 or 16", len(req.GetAddress()))
	}
	k := v.agent.opts.Kernel
	path, err := k.Lookup(ctx, addr.Unmap())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "ask the kernel: %v", err)
	}
	if !path.Found {
		return &pb.ExplainResponse{Problem: noWay(addr, path)}, nil
	}
	return &pb.ExplainResponse{
		Destination: path.Destination.String(), NextHop: path.NextHop.String(), Link: path.LinkName, Mac: path.LinkMAC, Metric: path.Metric,
		RtmProtocol: uint32(path.Protocol), Ours: path.Protocol == k.Protocol() && path.Table == kernel.TableMain, Source: source(ctx, addr),
	}, nil
}

// noWay says why the kernel does not send packets to addr.
func noWay(addr netip.Addr, path kernel.Path) string {
	switch {
	case path.Destination.IsValid():
		return fmt.Sprintf("the node's kernel does not send packets to %s: %s %s metric %d proto %s",
			addr, kernel.TypeName(path.Type), path.Destination, path.Metric, routes.ProtocolName(uint32(path.Protocol)))
	case path.Type != 0:
		return fmt.Sprintf("the node's kernel does not send packets to %s: a policy rule or a route of another table than main is %q", addr, kernel.TypeName(path.Type))
	}
	return fmt.Sprintf("the node's kernel has no route to %s", addr)
}

// source is the address that the kernel would send from; connecting a UDP
// socket asks for it without a packet.
func source(ctx context.Context, addr netip.Addr) string {
	const discard = 9 // RFC 863; nothing is sent
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(addr, discard).String())
	if err != nil {
		return ""
	}
	defer conn.Close()
	if local, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return local.AddrPort().Addr().Unmap().String()
	}
	return ""
}
