// Package agenttest is the host's side of a session, for tests: it keeps a set
// of routes and speaks the protocol step by step, right or wrong as the test wants.
package agenttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Patience bounds every wait.
const Patience = time.Minute

// Host is a host with a set of routes.
type Host struct {
	Version  routes.Version
	Set      *desired.Set
	Ports    *pb.Ports
	lastPart int
}

// NewHost returns a host with an empty set at revision 1, and one port.
func NewHost(storeID, alias, mac string) *Host {
	return &Host{
		Version: routes.Version{StoreID: storeID, Epoch: 1, Revision: 1}, Set: desired.NewSet(0),
		Ports:    &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: alias, Mac: mac}}},
		lastPart: 2000,
	}
}

// Change changes the set and returns the delta.
func (h *Host) Change(upserts []routes.Route, removals ...routes.Route) *pb.Delta {
	d := &pb.Delta{FromRevision: uint64(h.Version.Revision)}
	for _, r := range removals {
		h.Set.Remove(r.Key())
		d.Removals = append(d.Removals, h.Route(r))
	}
	for _, r := range upserts {
		h.Set.Put(r)
		d.Upserts = append(d.Upserts, h.Route(r))
	}
	h.Version.Revision++
	h.Version.Count, h.Version.Digest = uint64(h.Set.Len()), h.Set.Digest()
	d.Version = agentapi.Version(h.Version)
	return d
}

// Route is r as the protocol has it.
func (h *Host) Route(r routes.Route) *pb.Route {
	p := &pb.Route{
		Destination: r.Destination().Addr().AsSlice(), Length: uint32(r.Destination().Bits()),
		NextHop: r.NextHop().AsSlice(), Metric: uint32(r.Metric()),
	}
	for _, port := range h.Ports.Ports {
		if routes.FoldAlias(port.Interface) == routes.FoldAlias(r.Interface()) {
			p.Port = port.Id
		}
	}
	return p
}

// Snapshot is the whole set in parts.
func (h *Host) Snapshot() []*pb.Snapshot {
	parts, count := []*pb.Snapshot{{First: true, Ports: h.Ports}}, 0
	for r := range h.Set.All() {
		last := parts[len(parts)-1]
		if count == h.lastPart {
			last, count = &pb.Snapshot{}, 0
			parts = append(parts, last)
		}
		last.Blocks = agentapi.AppendRoute(last.Blocks, h.Route(r).Port, r)
		count++
	}
	last := parts[len(parts)-1]
	last.Last, last.Version = true, agentapi.Version(h.Version)
	return parts
}

// Hello is the host's first message to a node.
func (h *Host) Hello(node string) *pb.HostHello {
	return &pb.HostHello{Protocol: agentapi.Protocol, NodeId: node, Version: agentapi.Version(h.Version), HostVersion: "test", Ports: h.Ports}
}

// Session is an open session; Reports are those that came.
type Session struct {
	Hello      *pb.AgentHello
	Exceptions map[string]*pb.Exception // by destination and next hop
	Last       *pb.Report
	Full       int // full reports so far
	NICs       []*pb.Nic
	stream     grpc.BidiStreamingClient[pb.SessionRequest, pb.SessionResponse]
	messages   chan received
	cancel     context.CancelFunc
}

type received struct {
	report *pb.Report
	err    error
}

// Dial connects to an agent's unix socket, and waits until it is there.
func Dial(t testing.TB, path string) pb.AgentServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///agent", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}), grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(agentapi.MaxReport)), grpc.WithConnectParams(quick()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewAgentServiceClient(conn)
}

func quick() grpc.ConnectParams {
	p := grpc.ConnectParams{MinConnectTimeout: time.Second}
	p.Backoff.BaseDelay, p.Backoff.MaxDelay, p.Backoff.Multiplier = 10*time.Millisecond, 50*time.Millisecond, 1
	return p
}

// Open opens a session; a refusal is in Session.Hello.
func Open(t testing.TB, c pb.AgentServiceClient, hello *pb.HostHello) *Session {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := c.Session(ctx)
	if err == nil {
		err = stream.Send(&pb.SessionRequest{Message: &pb.SessionRequest_Hello{Hello: hello}})
	}
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || first.GetHello() == nil {
		cancel()
		t.Fatalf("hello: %v %v", first, err)
	}
	s := &Session{Hello: first.GetHello(), NICs: first.GetHello().Nics, Exceptions: map[string]*pb.Exception{}, stream: stream, messages: make(chan received), cancel: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.receive(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func (s *Session) receive(ctx context.Context) {
	defer close(s.messages)
	for {
		m, err := s.stream.Recv()
		select {
		case s.messages <- received{m.GetReport(), err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Send sends messages: *pb.Delta, *pb.Snapshot, *pb.Ports or *pb.HostHello.
func (s *Session) Send(t testing.TB, messages ...any) {
	t.Helper()
	for _, m := range messages {
		if err := s.TrySend(m); err != nil {
			t.Fatal(err)
		}
	}
}

// TrySend sends one message.
func (s *Session) TrySend(m any) error {
	r := &pb.SessionRequest{}
	switch m := m.(type) {
	case *pb.Delta:
		r.Message = &pb.SessionRequest_Delta{Delta: m}
	case *pb.Snapshot:
		r.Message = &pb.SessionRequest_Snapshot{Snapshot: m}
	case *pb.Ports:
		r.Message = &pb.SessionRequest_Ports{Ports: m}
	case *pb.HostHello:
		r.Message = &pb.SessionRequest_Hello{Hello: m}
	default:
		return fmt.Errorf("cannot send a %T", m)
	}
	return s.stream.Send(r)
}

// SendSet sends the whole set.
func (s *Session) SendSet(t testing.TB, h *Host) {
	t.Helper()
	for _, part := range h.Snapshot() {
		s.Send(t, part)
	}
}

// Next waits for a report.
func (s *Session) Next() (*pb.Report, error) {
	select {
	case m, open := <-s.messages:
		if !open {
			return nil, errors.New("the session was closed")
		}
		if m.err != nil {
			return nil, m.err
		}
		s.take(m.report)
		return m.report, nil
	case <-time.After(Patience):
		return nil, errors.New("no report came")
	}
}

func (s *Session) take(r *pb.Report) {
	s.Last = r
	if r.Full {
		s.Full++
		clear(s.Exceptions)
	}
	for _, k := range r.Resolved {
		delete(s.Exceptions, name(k))
	}
	for _, e := range r.Exceptions {
		s.Exceptions[name(e.Key)] = e
	}
	if r.NicsChanged {
		s.NICs = r.Nics
	}
}

func name(k *pb.RouteKey) string {
	return fmt.Sprintf("%s/%d via %s", net.IP(k.Destination), k.Length, net.IP(k.NextHop))
}

// Until waits for a report after which ok holds.
func (s *Session) Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		if _, err := s.Next(); err != nil {
			t.Fatalf("waiting for %s: %v; last report %v, exceptions %v", what, err, s.Last, s.Exceptions)
		}
	}
}

// Carried waits until the host's set is carried out.
func (s *Session) Carried(t testing.TB, h *Host) {
	t.Helper()
	s.Until(t, fmt.Sprintf("revision %d", h.Version.Revision), func() bool {
		v := s.Last.GetVersion()
		return s.Full > 0 && v.GetEpoch() == h.Version.Epoch && v.GetRevision() == uint64(h.Version.Revision) &&
			v.GetStoreId() == h.Version.StoreID && string(v.Digest) == string(h.Version.Digest.Bytes())
	})
}

// Ended waits for the end of the session and returns the error.
func (s *Session) Ended(t testing.TB) error {
	t.Helper()
	for {
		if _, err := s.Next(); err != nil {
			return err
		}
	}
}

// Close ends the session from the host's side.
func (s *Session) Close() { s.cancel() }
