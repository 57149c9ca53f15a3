package agent

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// maxWaiting is how many messages of the host may wait for the loop.
	maxWaiting = 16
	// maxMismatches is how many sets in a row may not match their version
	// before the session ends.
	maxMismatches = 3
)

var (
	errStopping = errors.New("the agent is stopping; the routes stay")
	errReplaced = errors.New("a newer session of the host took this one's place")
)

// session is a host's session. Its stream's goroutines know hello, answer,
// out and quit; the rest belongs to the loop.
type session struct {
	hello  *pb.HostHello
	answer chan *pb.AgentHello // one answer
	out    chan *pb.Report     // room for one
	quit   chan struct{}       // closed by end
	once   sync.Once
	cause  error // valid when quit is closed

	aliases map[uint32]string // by the host's number of the port; the receiver's

	version routes.Version // the newest that the host is known to have
	offered desired.Ports  // as the host sent them last
	parts   *assembly      // of a whole set on its way in
	behind  *desired.State // a set that is older than version, until changes lead there
	adopt   bool           // the host's set replaces the node's, whatever that is

	portsSequence uint64 // of offered
	portsAt       uint64 // the generation that carries offered out

	every  time.Duration // the host wants reports so often; 0: when there is news
	beatAt time.Time     // when the next is due
	beat   bool          // it is

	spent    agentapi.Allowance // on reports
	flushAt  time.Time          // when the next may be sent; zero: at once
	answered uint64             // the generation that the last one was about

	free       bool // the sender can take a report
	dirty      bool // there is something to report
	full       bool // the next report has all exceptions
	fullFrom   uint64
	resync     bool
	awaiting   bool // the whole set was asked for; changes do not count until it comes
	mismatches int
	changed    map[routes.Key]struct{} // since the last report
	nicsDirty  bool
	nics       []*pb.Nic // as last sent
}

func newSession(hello *pb.HostHello) *session {
	s := &session{
		hello: hello, answer: make(chan *pb.AgentHello, 1), out: make(chan *pb.Report, 1), quit: make(chan struct{}),
		full: true, dirty: true, changed: make(map[routes.Key]struct{}), adopt: hello.Adopt,
	}
	s.learn(hello.Ports)
	if d := hello.GetReportEvery(); d.CheckValid() == nil {
		s.every = max(0, d.AsDuration())
	}
	return s
}

// spoke notes that a report leaves now.
func (s *session) spoke() {
	s.beat = false
	if s.every > 0 {
		s.beatAt = time.Now().Add(s.every)
	}
}

// end ends the session; its stream returns the cause.
func (s *session) end(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.quit)
	})
}

// admit decides whether a host may have the session.
func (a *Agent) admit(s *session) *pb.AgentHello {
	if refusal := a.refuse(s); refusal != "" {
		a.opts.Log.Warn("a session was refused", "reason", refusal, "host_version", s.hello.HostVersion)
		return a.hello(refusal)
	}
	if a.current != nil {
		a.current.end(errReplaced)
		a.opts.Log.Info("a new session takes the place of the old one")
	}
	a.current = s
	s.spoke()
	a.usePorts(s, s.hello.Ports)
	if a.state.Complete() && a.state.Version.StoreID == s.version.StoreID && s.hello.Ports != nil {
		a.changePorts(s)
	}
	h := a.hello("")
	s.nics = a.reportNICs(s)
	h.Nics = s.nics
	a.opts.Log.Info("session opened", "host_version", s.hello.HostVersion, "host", describe(s.version), "held", describe(a.persisted))
	return h
}

// refuse says why a host may not have the session; empty when it may.
func (a *Agent) refuse(s *session) string {
	h := s.hello
	version, err := agentapi.FromVersion(h.Version)
	switch {
	case h.Protocol != agentapi.Protocol:
		return fmt.Sprintf("the host speaks protocol %d, this agent %d; install the same release on both", h.Protocol, agentapi.Protocol)
	case h.NodeId != a.opts.Node:
		return fmt.Sprintf("this is node %q, the host means %q; correct the endpoint or the id in the host's inventory", a.opts.Node, h.NodeId)
	case err != nil:
		return "the host's version: " + err.Error()
	case version.StoreID == "":
		return "the host's version has no store id"
	}
	s.version = version
	held := a.state.Version
	if a.state.Complete() && held.StoreID != version.StoreID && !h.Adopt {
		return fmt.Sprintf("this node holds the routes of store %s, the host offers those of store %s; adopt the node on the host if it shall replace them", held.StoreID, version.StoreID)
	}
	if c := a.current; c != nil {
		switch {
		case c.version.StoreID != version.StoreID && !h.Adopt:
			return fmt.Sprintf("a host with store %s holds the session, this one has store %s", c.version.StoreID, version.StoreID)
		case c.version.StoreID == version.StoreID && c.version.Newer(version):
			return fmt.Sprintf("a host with epoch %d revision %d holds the session, this one is older (epoch %d revision %d)",
				c.version.Epoch, c.version.Revision, version.Epoch, version.Revision)
		}
	}
	return ""
}
