package agent

import (
	"fmt"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// inbound is a message of a session, its routes in the domain's terms.
type inbound struct {
	session *session
	message *pb.SessionRequest
	change  desired.Change // of a delta
	routes  []routes.Route // of a part of a whole set, with their digest
	digest  routes.Digest
	err     error // the routes could not be read
}

// read reads a message. Only the receiver calls it: a large set is read beside
// the loop's work, and the next part while the loop takes in this one.
func (s *session) read(m *pb.SessionRequest) inbound {
	in := inbound{session: s, message: m}
	switch m := m.Message.(type) {
	case *pb.SessionRequest_Ports:
		s.learn(m.Ports)
	case *pb.SessionRequest_Delta:
		s.learn(m.Delta.Ports)
		in.change, in.err = s.delta(m.Delta)
	case *pb.SessionRequest_Snapshot:
		s.learn(m.Snapshot.Ports)
		in.routes, in.err = s.part(m.Snapshot)
		in.digest = routes.DigestOf(in.routes)
	}
	return in
}

// learn takes over the numbers of the ports, where a message has them.
func (s *session) learn(p *pb.Ports) {
	if p == nil {
		return
	}
	s.aliases = make(map[uint32]string, len(p.Ports))
	for _, port := range p.Ports {
		s.aliases[port.Id] = port.Interface
	}
}

// alias is the port with that number.
func (s *session) alias(port uint32) (string, error) {
	alias, ok := s.aliases[port]
	if !ok {
		return "", fmt.Errorf("a route on port %d, which the host has not announced", port)
	}
	return alias, nil
}

// part reads the routes of a part of a whole set.
func (s *session) part(m *pb.Snapshot) ([]routes.Route, error) {
	n := 0
	for _, b := range m.Blocks {
		n += len(b.GetLengths())
	}
	list := make([]routes.Route, 0, n)
	for _, b := range m.Blocks {
		alias, err := s.alias(b.GetPort())
		if err != nil {
			return list, err
		}
		if list, err = agentapi.ReadBlock(list, b, alias); err != nil {
			return list, err
		}
	}
	return list, nil
}

// delta reads a delta.
func (s *session) delta(m *pb.Delta) (desired.Change, error) {
	version, authenticator, err := agentapi.FromAuthentic(m.Version)
	if err != nil {
		return desired.Change{}, err
	}
	c := desired.Change{
		From: routes.Revision(m.FromRevision), Version: version, Authenticator: authenticator,
		Upserts: make([]routes.Route, 0, len(m.Upserts)), Removals: make([]routes.Key, 0, len(m.Removals)),
	}
	for _, p := range m.Upserts {
		r, err := s.route(p)
		if err != nil {
			return c, err
		}
		c.Upserts = append(c.Upserts, r)
	}
	for _, p := range m.Removals {
		p.Metric = routes.MinMetric // not sent, and not part of a key
		r, err := s.route(p)
		if err != nil {
			return c, err
		}
		c.Removals = append(c.Removals, r.Key())
	}
	return c, nil
}

// route reads a route of a delta.
func (s *session) route(p *pb.Route) (routes.Route, error) {
	alias, err := s.alias(p.GetPort())
	if err != nil {
		return routes.Route{}, err
	}
	destination, hop, err := agentapi.Addresses(p)
	if err != nil {
		return routes.Route{}, fmt.Errorf("a route on %s: %w", alias, err)
	}
	return routes.New(routes.Fields{Interface: alias, Destination: destination, NextHop: hop, Metric: p.Metric})
}
