package agent

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/agentwire"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fromPorts reads the ports: the alias of each id, and what is kept of them.
func fromPorts(p *pb.Ports) (map[uint32]string, desired.Ports) {
	ids := make(map[uint32]string, len(p.GetPorts()))
	ports := desired.Ports{AllowOverrideOnLink: p.GetAllowOverrideOnLink()}
	for _, port := range p.GetPorts() {
		ids[port.Id] = port.Interface
		mac := strings.ToLower(port.Mac)
		if m, err := net.ParseMAC(port.Mac); err == nil {
			mac = m.String()
		}
		ports.List = append(ports.List, desired.Port{Alias: port.Interface, MAC: mac})
	}
	return ids, ports
}

// fields reads a route of a message.
func (s *session) fields(p *pb.Route) (routes.Fields, error) {
	alias, ok := s.ports[p.GetPort()]
	if !ok {
		return routes.Fields{}, fmt.Errorf("a route on port %d, which the host has not told of", p.GetPort())
	}
	destination, hop, err := agentwire.Addresses(p)
	if err != nil {
		return routes.Fields{}, fmt.Errorf("a route on %s: %w", alias, err)
	}
	return routes.Fields{Interface: alias, Destination: destination, NextHop: hop, Metric: p.Metric}, nil
}

func (s *session) route(p *pb.Route) (routes.Route, error) {
	f, err := s.fields(p)
	if err != nil {
		return routes.Route{}, err
	}
	return routes.New(f)
}

// change reads a delta.
func (s *session) change(m *pb.Delta) (desired.Change, error) {
	version, err := agentwire.FromVersion(m.Version)
	if err != nil {
		return desired.Change{}, err
	}
	c := desired.Change{
		From: routes.Revision(m.FromRevision), Version: version,
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
		f, err := s.fields(p)
		if err != nil {
			return c, err
		}
		f.Metric = routes.MinMetric // not read
		r, err := routes.New(f)
		if err != nil {
			return c, err
		}
		c.Removals = append(c.Removals, r.Key())
	}
	return c, nil
}

// toNICs are the links that a host may want to know: those of its ports, and
// those with an address that is more than link-local. Links that belong to
// another (bridge, bond) are not NICs.
func toNICs(links []kernel.Link, ports desired.Ports) []*pb.Nic {
	var nics []*pb.Nic
	for _, l := range links {
		mac := l.MAC
		ours := func(p desired.Port) bool {
			if p.MAC != "" && strings.EqualFold(p.MAC, l.Perm) {
				mac = p.MAC // the host knows it by that
			}
			return p.MAC != "" && strings.EqualFold(p.MAC, mac)
		}
		global := func(a kernel.Address) bool { return !a.Prefix.Addr().IsLinkLocalUnicast() }
		if mac == "" || l.Master != 0 || !slices.ContainsFunc(ports.List, ours) && !slices.ContainsFunc(l.Addresses, global) {
			continue
		}
		nic := &pb.Nic{Mac: mac, Link: l.Name, Index: l.Index, Up: l.Up && l.Lower, Addressing: string(l.Addressing())}
		for _, addr := range l.Addresses {
			nic.Addresses = append(nic.Addresses, addr.Prefix.String())
		}
		for _, c := range l.Connected {
			nic.Connected = append(nic.Connected, &pb.Connected{Prefix: c.Prefix.String(), Metric: c.Metric})
		}
		nics = append(nics, nic)
	}
	return nics
}
