package fleet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fault is a misbehaviour; each is carried out once and then counted.
type fault string

const (
	faultHangHello    fault = "no hello"
	faultWrongID      fault = "hello of another node"
	faultProtocol     fault = "hello of another protocol"
	faultRefuse       fault = "refusal"
	faultNoHello      fault = "report instead of hello"
	faultDropSnapshot fault = "connection dropped within a snapshot"
	faultWrongDigest  fault = "report with a wrong digest"
	faultBadState     fault = "exception with an unknown state"
	faultBadKey       fault = "exception with a broken key"
	faultPartial      fault = "first report not full"
	faultSilent       fault = "no report"
	faultNoRead       fault = "reads nothing"
	faultResync       fault = "asks for the set again"
)

// fakeAgent follows the agent's side of the protocol without a kernel, and
// injects faults. Its set survives reconnects.
type fakeAgent struct {
	pb.UnimplementedAgentServiceServer
	id     string
	babble string // at the end of each text that is not of a report
	light  bool   // believes every version and keeps no routes

	mu         sync.Mutex
	faults     map[fault]int
	consumed   map[fault]int
	held       routes.Version
	proof      []byte // its authenticator
	set        map[routes.Key]routes.Route
	exceptions map[routes.Key]*pb.Exception
	first      []*pb.Exception // reported at the start of a session, for the set held then
	ports      map[uint32]*pb.Port
	nics       []*pb.Nic
	push       chan *pb.Report
	sendHeld   func(grpc.ServerStreamingServer[pb.HeldResponse]) error
	bye        chan error    // ends the session
	gate       chan struct{} // holds the hello back until it is closed; nil: none
	hellos     []*pb.HostHello
	open       int // sessions
	snapshots  int
	deltas     int
	portMsgs   int
	holdPorts  bool // new ports are not answered
	mute       bool // nothing is answered: there are reports only that say sends
	sequence   uint64
	answered   uint64 // the sequence in reports
}

func newFakeAgent(id string) *fakeAgent {
	return &fakeAgent{
		id: id, faults: map[fault]int{}, consumed: map[fault]int{},
		set: map[routes.Key]routes.Route{}, exceptions: map[routes.Key]*pb.Exception{}, ports: map[uint32]*pb.Port{}, push: make(chan *pb.Report, 16), bye: make(chan error),
	}
}

// listen serves on a unix socket until the returned function is called.
func (a *fakeAgent) listen(t testing.TB, dir string) (endpoint string, stop func()) {
	t.Helper()
	path := filepath.Join(dir, a.id+".sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return "unix://" + path, a.serve(l)
}

func (a *fakeAgent) serve(l net.Listener) (stop func()) {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}))
	pb.RegisterAgentServiceServer(server, a)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	return sync.OnceFunc(func() { server.Stop(); <-done })
}

func (a *fakeAgent) inject(f fault) {
	a.mu.Lock()
	a.faults[f]++
	a.mu.Unlock()
}

// hit consumes a fault.
func (a *fakeAgent) hit(f fault) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.faults[f] == 0 {
		return false
	}
	a.faults[f]--
	a.consumed[f]++
	return true
}

// do runs f under the agent's lock.
func (a *fakeAgent) do(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *fakeAgent) count(n *int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return *n
}

func (a *fakeAgent) Session(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse]) error {
	msg, err := stream.Recv()
	if err != nil {
		return err
	}
	hello := msg.GetHello()
	var gate chan struct{}
	defer a.do(func() { a.open-- })
	a.do(func() {
		a.open++
		a.hellos, a.answered = append(a.hellos, hello), 0
		a.takePorts(hello.Ports)
		gate = a.gate
	})
	if gate != nil {
		select {
		case <-gate:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	if a.hit(faultHangHello) {
		<-stream.Context().Done()
		return nil
	}
	answer := &pb.AgentHello{Protocol: agentapi.Protocol, NodeId: a.id, AgentVersion: "fake" + a.babble, Kernel: "none" + a.babble}
	a.do(func() { answer.Version, answer.Nics = agentapi.Authentic(a.held, a.proof), a.nics })
	switch {
	case a.hit(faultWrongID): // which an agent refuses itself
		answer.NodeId, answer.Refusal = "somebody-else"+a.babble, "this is another node"
	case a.hit(faultProtocol):
		answer.Protocol, answer.Refusal = agentapi.Protocol+1, "the host speaks another protocol"
	case a.hit(faultRefuse), answer.Version.StoreId != "" && answer.Version.StoreId != hello.Version.StoreId && !hello.Adopt:
		answer.Refusal = "refused by the test" + a.babble
	case a.hit(faultNoHello):
		return stream.Send(report(&pb.Report{Version: wireVersion(routes.Version{})}))
	}
	if err := stream.Send(&pb.SessionResponse{Message: &pb.SessionResponse_Hello{Hello: answer}}); err != nil || answer.Refusal != "" {
		return err
	}
	if a.hit(faultNoRead) {
		<-stream.Context().Done()
		return nil
	}
	if len(a.first) > 0 {
		if err := stream.Send(report(&pb.Report{Full: true, Version: answer.Version, Exceptions: a.first})); err != nil {
			return err
		}
	}
	if answer.Version.StoreId == hello.Version.StoreId && answer.Version.Revision == hello.Version.Revision && answer.Version.Epoch == hello.Version.Epoch {
		if err := a.report(stream); err != nil {
			return err
		}
	}
	return a.work(stream)
}

func (a *fakeAgent) work(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse]) error {
	received, failed := make(chan *pb.SessionRequest), make(chan error, 1)
	ctx := stream.Context()
	go func() {
		for {
			msg, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case received <- msg:
			case <-ctx.Done():
				failed <- ctx.Err()
				return
			}
		}
	}()
	var incoming map[routes.Key]routes.Route
	for {
		select {
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case err := <-a.bye:
			return err
		case r := <-a.push:
			if err := stream.Send(report(r)); err != nil {
				return err
			}
		case msg := <-received:
			var answer bool
			switch m := msg.Message.(type) {
			case *pb.SessionRequest_Snapshot:
				if m.Snapshot.First {
					incoming = map[routes.Key]routes.Route{}
					a.do(func() { a.snapshots++; a.takePorts(m.Snapshot.Ports) })
				}
				if a.hit(faultDropSnapshot) {
					return errors.New("dropped by the test")
				}
				a.do(func() { a.add(incoming, m.Snapshot.Blocks) })
				if m.Snapshot.Last {
					answer = true
					if !a.accept(incoming, m.Snapshot.Version) {
						_ = stream.Send(report(&pb.Report{Resync: true, Version: wireVersion(a.held)}))
						continue
					}
				}
			case *pb.SessionRequest_Delta:
				answer = true
				if !a.apply(m.Delta) || a.hit(faultResync) {
					if err := stream.Send(report(&pb.Report{Resync: true, Version: m.Delta.Version})); err != nil {
						return err
					}
					continue
				}
			case *pb.SessionRequest_Ports:
				a.do(func() { a.portMsgs++; a.takePorts(m.Ports); answer = !a.holdPorts })
			}
			if answer {
				if err := a.report(stream); err != nil {
					return err
				}
			}
		}
	}
}

func (a *fakeAgent) report(stream grpc.BidiStreamingServer[pb.SessionRequest, pb.SessionResponse]) error {
	mute := false
	a.do(func() { mute = a.mute })
	if mute || a.hit(faultSilent) {
		return nil
	}
	r := &pb.Report{Full: true}
	a.do(func() {
		r.Version, r.PortsSequence = wireVersion(a.held), a.answered
		for _, e := range a.exceptions {
			r.Exceptions = append(r.Exceptions, e)
		}
	})
	switch {
	case a.hit(faultWrongDigest):
		r.Version.Digest = make([]byte, 32)
		r.Version.Digest[0] = 0xee
	case a.hit(faultBadState):
		r.Exceptions = append(r.Exceptions, exception(mustRoute("10.9.0.0/16", "192.168.20.1", 1).Key(), "EXCELLENT", ""))
	case a.hit(faultBadKey):
		r.Exceptions = append(r.Exceptions, &pb.Exception{Key: &pb.RouteKey{Interface: "Port3", Destination: []byte{1, 2, 3}}, State: "FAILED"})
	case a.hit(faultPartial):
		r.Full = false
	}
	return stream.Send(report(r))
}

func (a *fakeAgent) Explain(_ context.Context, r *pb.ExplainRequest) (*pb.ExplainResponse, error) {
	addr, _ := netip.AddrFromSlice(r.Address)
	return &pb.ExplainResponse{
		Destination: addr.String() + "/32" + a.babble, NextHop: "192.168.20.1" + a.babble, Link: a.babble, Source: a.babble, Problem: a.babble,
		Mac: "02:00:00:00:20:11", RtmProtocol: 157, Ours: true,
	}, nil
}

// Held sends the set in one part, or what the test makes it send.
func (a *fakeAgent) Held(_ *pb.HeldRequest, stream grpc.ServerStreamingServer[pb.HeldResponse]) error {
	if a.sendHeld != nil {
		return a.sendHeld(stream)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	part := &pb.Snapshot{First: true, Last: true, Version: wireVersion(a.held), Ports: &pb.Ports{Ports: []*pb.Port{{Id: 7, Interface: "Port3"}}}}
	for _, r := range a.set {
		part.Blocks = agentapi.AppendRoute(part.Blocks, 7, r)
	}
	return stream.Send(&pb.HeldResponse{Part: part})
}

func (a *fakeAgent) takePorts(p *pb.Ports) {
	for _, port := range p.GetPorts() {
		a.ports[port.Id] = port
	}
	if p != nil {
		a.sequence = p.Sequence
	}
	if !a.holdPorts {
		a.answered = a.sequence
	}
}

func (a *fakeAgent) add(set map[routes.Key]routes.Route, blocks []*pb.RouteBlock) {
	if a.light {
		return
	}
	for _, b := range blocks {
		list, err := agentapi.ReadBlock(nil, b, a.port(b.Port))
		if err != nil {
			panic(err)
		}
		for _, r := range list {
			set[r.Key()] = r
		}
	}
}

func (a *fakeAgent) port(id uint32) string {
	port := a.ports[id]
	if port == nil {
		panic("a route refers to a port that was not announced")
	}
	return port.Interface
}

func (a *fakeAgent) route(p *pb.Route) routes.Route {
	dst, _ := netip.AddrFromSlice(p.Destination)
	hop, _ := netip.AddrFromSlice(p.NextHop)
	r, err := routes.New(routes.Fields{Interface: a.port(p.Port), Destination: netip.PrefixFrom(dst, int(p.Length)), NextHop: hop, Metric: p.Metric})
	if err != nil {
		panic(err)
	}
	return r
}

// accept takes over a whole set that matches its version.
func (a *fakeAgent) accept(set map[routes.Key]routes.Route, v *pb.Version) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.light {
		a.held, a.proof = domainVersion(v), v.Authenticator
		return true
	}
	var digest routes.Digest
	for _, r := range set {
		digest = digest.Add(r)
	}
	if uint64(len(set)) != v.Count || string(digest.Bytes()) != string(v.Digest) {
		return false
	}
	a.set, a.held, a.proof = set, domainVersion(v), v.Authenticator
	return true
}

func (a *fakeAgent) apply(d *pb.Delta) bool {
	a.mu.Lock()
	a.deltas++
	a.takePorts(d.Ports)
	if routes.Revision(d.FromRevision) != a.held.Revision || d.Version.Epoch != a.held.Epoch {
		a.mu.Unlock()
		return false
	}
	if a.light {
		a.mu.Unlock()
		return a.accept(nil, d.Version)
	}
	next := map[routes.Key]routes.Route{}
	for k, r := range a.set {
		next[k] = r
	}
	for _, p := range d.Removals {
		delete(next, a.route(p).Key())
	}
	for _, p := range d.Upserts {
		r := a.route(p)
		next[r.Key()] = r
	}
	a.mu.Unlock()
	return a.accept(next, d.Version)
}

func report(r *pb.Report) *pb.SessionResponse {
	return &pb.SessionResponse{Message: &pb.SessionResponse_Report{Report: r}}
}

func exception(k routes.Key, state routes.State, cause routes.Cause) *pb.Exception {
	return &pb.Exception{Key: wireKey(k), State: string(state), Cause: string(cause), Detail: "said by the test"}
}

func wireKey(k routes.Key) *pb.RouteKey {
	return &pb.RouteKey{Interface: k.Interface, Destination: k.Destination.Addr().AsSlice(), Length: uint32(k.Destination.Bits()), NextHop: k.NextHop.AsSlice()}
}

func wireVersion(v routes.Version) *pb.Version {
	return &pb.Version{StoreId: v.StoreID, Epoch: v.Epoch, Revision: uint64(v.Revision), Count: v.Count, Digest: v.Digest.Bytes()}
}

func domainVersion(p *pb.Version) routes.Version {
	d, err := routes.DigestFromBytes(p.Digest)
	if err != nil {
		panic(err)
	}
	return routes.Version{StoreID: p.StoreId, Epoch: p.Epoch, Revision: routes.Revision(p.Revision), Count: p.Count, Digest: d}
}
