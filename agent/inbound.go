package agent

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/table"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

// maxRoutes bounds the set of a host that has gone wrong: 40 times the largest
// that is measured.
const maxRoutes = 4_000_000

// maxReserved is for how many routes memory is reserved before they come.
const maxReserved = 200_000

// assembly is a whole set on its way in; until its last part nothing changes.
type assembly struct {
	set  *desired.Set
	room int // routes that may still come
	err  error
}

// takeAll takes a message and those that wait behind it, with one write to
// the log for all of them.
func (a *Agent) takeAll(in inbound) {
	for {
		if in.session == a.current {
			if err := a.take(in); err != nil {
				a.opts.Log.Error("the session was ended", "error", err)
				in.session.end(err)
				a.current = nil
			}
		}
		select {
		case in = <-a.inbound:
			continue
		default:
		}
		if a.whole || len(a.unsaved) > 0 {
			a.save()
		}
		return
	}
}

// take takes one message. An error ends the session.
func (a *Agent) take(in inbound) error {
	s := in.session
	switch m := in.message.Message.(type) {
	case *pb.SessionRequest_Delta:
		return a.takeDelta(in, m.Delta)
	case *pb.SessionRequest_Snapshot:
		return a.takePart(in, m.Snapshot)
	case *pb.SessionRequest_Ports:
		a.usePorts(s, m.Ports)
		if a.state.Complete() && a.state.Version.StoreID == s.version.StoreID {
			a.changePorts(s)
		}
		return nil
	}
	return fmt.Errorf("%w: a %T after the hello", errProtocol, in.message.Message)
}

var (
	errProtocol = errors.New("the host broke the protocol")
	errOlder    = errors.New("the host's set is older than the node's")
	errOther    = errors.New("the host's set has the version of the node's, but different content")
	errMismatch = errors.New("the host's sets do not match their versions")
	errTooMany  = fmt.Errorf("the host's set has more than %d routes, which is more than an agent holds", maxRoutes)
)

func (a *Agent) takeDelta(in inbound, m *pb.Delta) error {
	s := in.session
	if m.Ports != nil {
		a.usePorts(s, m.Ports)
	}
	if m.GetVersion().GetCount() > maxRoutes {
		return errTooMany
	}
	if s.awaiting {
		return nil
	}
	if s.behind != nil || s.version.Newer(in.change.Version) {
		return a.catchUp(in)
	}
	c, err := in.change, in.err
	var before desired.Ports
	if err == nil {
		before = a.state.Ports
		if m.Ports != nil && !s.offered.Equal(before) {
			ports := s.offered // the host may name others before the log has these
			c.Ports = &ports
		}
		err = a.state.Apply(c)
	}
	if err != nil {
		return a.mismatch(s, err)
	}
	s.version, s.mismatches = a.state.Version, 0
	a.unsaved = append(a.unsaved, c)
	if m.Ports != nil {
		s.portsAt = a.generation + 1 // it begins now
	}
	if c.Ports != nil && a.rewired(before) {
		a.program()
		return nil
	}
	a.beginGeneration()
	macOf := a.macOf()
	d := table.Delta{Generation: a.generation, Removals: c.Removals, Upserts: make([]table.Want, len(c.Upserts))}
	for i, r := range c.Upserts {
		d.Upserts[i] = table.Want{Route: r, MAC: macOf(r.Interface())}
	}
	a.table.Apply(d)
	return nil
}

// mismatch asks for the whole set, and gives up when that does not help.
func (a *Agent) mismatch(s *session, err error) error {
	if s.mismatches++; s.mismatches > maxMismatches {
		return fmt.Errorf("%w: %w", errMismatch, err)
	}
	a.opts.Log.Warn("nothing was changed; the host is asked for the whole set", "error", err)
	s.behind = nil
	s.awaiting, s.resync, s.dirty = true, true, true
	return nil
}

func (a *Agent) takePart(in inbound, m *pb.Snapshot) error {
	s := in.session
	if m.First {
		s.parts = &assembly{set: desired.NewSet(int(min(m.Version.GetCount(), maxReserved))), room: maxRoutes}
		if m.Ports != nil {
			a.usePorts(s, m.Ports)
		}
	}
	if s.parts == nil {
		return a.mismatch(s, errors.New("a part of a set without the first one"))
	}
	if s.parts.room -= len(in.routes); s.parts.room < 0 {
		return errTooMany
	}
	switch {
	case s.parts.err != nil: // one is enough
	case in.err != nil:
		s.parts.err = in.err
	case !s.parts.set.Fill(in.routes, in.digest):
		s.parts.err = errors.New("a route comes twice")
	}
	if !m.Last {
		return nil
	}
	parts := s.parts
	s.parts = nil
	version, authenticator, err := agentapi.FromAuthentic(m.Version)
	next := desired.State{Version: version, Authenticator: authenticator, Ports: s.offered, Set: parts.set}
	if err = errors.Join(parts.err, err); err == nil {
		err = next.Verify()
	}
	if err != nil {
		return a.mismatch(s, fmt.Errorf("whole set: %w", err))
	}
	return a.offer(s, next)
}

// offer takes a verified whole set. One that is older than what the host has
// is kept apart: it may lack routes that are wanted, so it is not programmed by
// itself.
func (a *Agent) offer(s *session, next desired.State) error {
	version := next.Version
	if version.StoreID == "" || version.StoreID != s.version.StoreID {
		return fmt.Errorf("%w: a set of store %q in a session of store %q", errProtocol, version.StoreID, s.version.StoreID)
	}
	s.behind, s.awaiting = nil, false
	if version.Newer(s.version) {
		s.version = version
	}
	held := a.state.Version
	switch {
	case s.adopt || held.StoreID != version.StoreID:
	case held.Newer(s.version):
		return fmt.Errorf("%w: it offers %s, held is %s", errOlder, describe(version), describe(held))
	case held != version && !held.Newer(version) && !version.Newer(held):
		return fmt.Errorf("%w: %s with %d routes, held are %d", errOther, describe(version), version.Count, held.Count)
	}
	if s.version.Newer(version) {
		s.behind = &next
		return nil
	}
	a.replace(s, next)
	return nil
}

// catchUp makes a change of a set that is behind, and takes the set once it is
// as new as what the host has.
func (a *Agent) catchUp(in inbound) error {
	s := in.session
	if in.err != nil {
		return a.mismatch(s, in.err)
	}
	if s.behind == nil {
		s.behind = &desired.State{Version: a.state.Version, Authenticator: a.state.Authenticator, Ports: a.state.Ports, Set: a.state.Set.Clone()}
	}
	if err := s.behind.Apply(in.change); err != nil {
		return a.mismatch(s, err)
	}
	next := *s.behind
	next.Ports = s.offered
	return a.offer(s, next)
}

// replace makes a verified whole set the desired one.
func (a *Agent) replace(s *session, next desired.State) {
	held, version := a.state.Version, next.Version
	s.mismatches, s.adopt = 0, false
	s.full, s.dirty = true, true
	clear(s.changed)
	if held == version {
		a.keepAuthenticator(next)
		a.changePorts(s)
		s.fullFrom = a.generation
		return
	}
	a.state = next
	a.unsaved, a.whole = nil, true
	a.program()
	runtime.Gosched() // the kernel's part takes longer than the log's, which comes next
	s.fullFrom, s.portsAt = a.generation, a.generation
	a.opts.Log.Info("the host sent the whole set", "version", describe(version), "routes", version.Count)
}

// keepAuthenticator takes over what the store gave with a set that the node
// holds already, as one of an earlier release.
func (a *Agent) keepAuthenticator(next desired.State) {
	if bytes.Equal(next.Authenticator, a.state.Authenticator) {
		return
	}
	a.state.Authenticator = next.Authenticator
	a.unsaved = append(a.unsaved, desired.Change{From: next.Version.Revision, Version: next.Version, Authenticator: next.Authenticator})
}

// changePorts takes over new NICs and the policy; the routes stay the same.
func (a *Agent) changePorts(s *session) {
	before, p := a.state.Ports, s.offered
	if p.Equal(before) {
		s.portsAt = a.generation
		return
	}
	c := desired.Change{From: a.state.Version.Revision, Version: a.state.Version, Authenticator: a.state.Authenticator, Ports: &p}
	a.state.Ports = p
	a.unsaved = append(a.unsaved, c)
	if a.rewired(before) {
		a.program()
	} else {
		a.beginGeneration()
		a.table.SetPolicy(a.generation, p.AllowOverrideOnLink)
	}
	s.portsAt = a.generation
	a.save()
}

// rewired reports whether any port has another NIC than before, came or went, or
// the policy changed, so that routes must be judged again.
func (a *Agent) rewired(before desired.Ports) bool {
	return before.AllowOverrideOnLink != a.state.Ports.AllowOverrideOnLink || !maps.Equal(before.MACs(), a.state.Ports.MACs())
}

// usePorts takes over what the host says of ports, for this session.
func (a *Agent) usePorts(s *session, p *pb.Ports) {
	s.offered = fromPorts(p, a.knownPorts(s))
	s.portsSequence, s.portsAt = p.GetSequence(), math.MaxUint64 // not carried out yet
	s.nicsDirty, s.dirty = true, true                            // other NICs may be of interest now
}

// knownPorts is what is known already of ports that the host does not see now.
func (a *Agent) knownPorts(s *session) desired.Ports {
	if s.offered.List == nil && a.state.Version.StoreID == s.version.StoreID {
		return a.state.Ports
	}
	return s.offered
}
