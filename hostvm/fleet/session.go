package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// maxPending is how many deltas may wait for a report; further changes are
// sent as one delta once the agent has reported.
const maxPending = 64

// maxWholes is how many whole sets an agent may refuse before the session ends.
const maxWholes = 3

var (
	errAged   = errors.New("the session has reached its age; the next one authenticates both ends again")
	errMoved  = errors.New("the inventory changed the node's endpoint or state")
	errSilent = errors.New("the agent neither takes nor reports changes")
)

// errUnproven says that the proof of who is at one end does not hold any more.
// Certificates are renewed in time, so that a new session mends that.
type errUnproven struct{ error }

// session is one connection with an agent that accepted it. Its loop sends;
// its receiver takes reports, so that a blocked send never delays those.
type session struct {
	n      *node
	m      *Manager
	conn   *grpc.ClientConn
	client pb.AgentServiceClient
	stream grpc.BidiStreamingClient[pb.SessionRequest, pb.SessionResponse]
	cancel context.CancelCauseFunc // ends it
	begun  time.Time
	// certificate is what the agent has shown; nil over a unix socket.
	certificate *x509.Certificate

	silent *time.Timer // ends the session when neither sends nor reports get on
	old    *time.Timer // what the agent said is too old then

	// The loop's.
	sent  routes.Version // what the agent holds once it has carried out all that was sent
	ports *pb.Ports      // as last sent
	knew  bool           // the store knows the node

	progress signal       // a report came, or whole was set
	most     atomic.Int64 // see allow

	guarded exchange // by the node's mu: for whoever has it from lock, and for the ledger
}

// lock gives the ledger and the exchange until unlock.
func (s *session) lock() (*ledger, *exchange) { return s.n.lock(), &s.guarded }

func (s *session) unlock() { s.n.unlock() }

// session holds one session with the agent. ok reports whether it came as far
// as a good report.
func (n *node) session(ctx context.Context, t target) (ok bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, hello, err := n.m.connect(ctx, cancel, dialing{n, t})
	if err != nil {
		err = because(ctx, err)
		n.end(err)
		return false, err
	}
	defer s.conn.Close()
	s.silent = time.AfterFunc(n.m.timing.Answer, func() {
		cancel(fmt.Errorf("%w for %s", errSilent, n.m.timing.Answer))
	})
	defer s.silent.Stop()
	aged := time.AfterFunc(n.m.timing.SessionAge-rand.N(n.m.timing.SessionAge/4+1), func() { cancel(errAged) })
	defer aged.Stop()
	s.old = time.AfterFunc(2*n.m.timing.ReportEvery, func() { n.outdated(s) })
	s.begun = time.Now()
	n.begin(s, hello)
	defer func() { n.finish(s, err) }()
	received := make(chan error, 1)
	go func() { received <- s.receive(ctx) }()
	err, gone := s.loop(ctx, received)
	if failed := (errSend{}); errors.As(err, &failed) && !gone {
		err, gone = <-received, true
	}
	cancel(nil)
	if !gone {
		<-received //nolint:errcheck // it says that cancel ended it
	}
	_, x := s.lock()
	defer s.unlock()
	return x.reported, because(ctx, err)
}

// because prefers the reason for which ctx was ended to the error that followed.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the agent ended the session")
	}
	if st, ok := status.FromError(err); ok && err != nil {
		err = fmt.Errorf("the connection ended: %s", claim(st.Message()))
		if st.Code() == codes.Unauthenticated {
			return errUnproven{err}
		}
	}
	return err
}

// loop sends what changes until the session ends; gone says that the
// receiver has ended already.
func (s *session) loop(ctx context.Context, received <-chan error) (err error, gone bool) {
	begun := s.n.target()
	for {
		stored, changed, progress := s.m.stored.wait(), s.n.changed.wait(), s.progress.wait()
		if t := s.n.target(); t.dial != begun.dial || t.Endpoint != begun.Endpoint {
			return errMoved, false
		}
		s.know(ctx)
		if err := s.deliver(ctx); err != nil {
			return err, false
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx), false
		case err := <-received:
			return err, true
		case <-stored:
		case <-changed:
		case <-progress:
		}
	}
}

// deliver brings the agent from what it holds to what is stored.
func (s *session) deliver(ctx context.Context) error {
	now := s.m.opts.Store.Info().Version
	whole, full := s.state()
	if whole || now.StoreID != s.sent.StoreID || now.Epoch != s.sent.Epoch || now.Revision == s.sent.Revision && now != s.sent {
		if err := s.sendWhole(ctx); err != nil {
			return err
		}
		// The set may be behind; for the agent it is one with the changes since.
		now = s.m.opts.Store.Info().Version
	}
	switch {
	case now.Revision > s.sent.Revision && !full:
		return s.sendDelta(ctx)
	}
	ports := s.n.portsMessage()
	if proto.Equal(ports, s.ports) {
		return nil
	}
	s.ports = ports
	return s.send(&pb.SessionRequest{Message: &pb.SessionRequest_Ports{Ports: ports}})
}

func (s *session) state() (whole, full bool) {
	_, x := s.lock()
	defer s.unlock()
	return x.whole, len(x.pending) >= maxPending
}

func (s *session) sendDelta(ctx context.Context) error {
	d, ok := s.m.deltaFrom(s.sent)
	if !ok || d.from != s.sent {
		return s.sendWhole(ctx)
	}
	if ports := s.n.portsMessage(); !proto.Equal(ports, s.ports) { // encoding may have numbered new ones
		s.ports, d.msg.Ports = ports, ports
	}
	s.expect(sentVersion{version: d.to, keys: d.keys})
	s.sent = d.to
	return s.send(&pb.SessionRequest{Message: &pb.SessionRequest_Delta{Delta: d.msg}})
}

func (s *session) sendWhole(ctx context.Context) error {
	set, err := s.m.wholeSet(ctx)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if err := s.expectWhole(set.version); err != nil {
		return err
	}
	s.ports, s.sent = s.n.portsMessage(), set.version
	first := &pb.Snapshot{First: true, Ports: s.ports, Version: agentapi.Version(set.version)}
	if err := s.send(&pb.SessionRequest{Message: &pb.SessionRequest_Snapshot{Snapshot: first}}); err != nil {
		return err
	}
	for _, part := range set.parts {
		if err := s.send(part); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) expect(v sentVersion) {
	_, x := s.lock()
	defer s.unlock()
	x.pending = append(x.pending, v)
}

func (s *session) expectWhole(v routes.Version) error {
	_, x := s.lock()
	defer s.unlock()
	return x.expectWhole(v)
}

// send blocks while the agent does not read; the timer bounds that.
func (s *session) send(msg *pb.SessionRequest) error {
	s.silent.Reset(s.m.timing.Answer)
	err := s.stream.Send(msg)
	if err != nil {
		// io.EOF says that the receiver gets the real error.
		return errSend{err}
	}
	s.rest(s.lock())
	s.unlock()
	return nil
}

// rest stops the timer where nothing is to come from the agent.
func (s *session) rest(l *ledger, x *exchange) {
	if len(x.pending) == 0 && x.reported && !x.whole && l.answered >= l.wiring.sequence {
		s.silent.Stop()
	}
}

// errSend is a failed send; the stream's end has the reason.
type errSend struct{ error }
