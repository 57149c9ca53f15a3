package server

import (
	"cmp"
	"slices"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// snapshot is what one call knows of the ports: each alias is asked for once, so
// that a batch is cheap and judged by one state of the device.
type snapshot struct {
	fleet   fleet.Fleet
	policy  routes.Policy
	ports   map[string]*port
	records publicapi.Records
}

// port is a port as one call sees it.
type port struct {
	facts routes.Facts
	rules *routes.Rules
}

func (s *Server) snapshot() *snapshot {
	return &snapshot{fleet: s.fleet, policy: *s.policy.Load(), ports: map[string]*port{}}
}

func (s *snapshot) port(alias string) *port {
	p, ok := s.ports[alias]
	if !ok {
		f := s.fleet.Facts(alias)
		p = &port{facts: f, rules: routes.NewRules(f, s.policy)}
		s.ports[alias] = p
	}
	return p
}

func (s *snapshot) facts(alias string) routes.Facts { return s.port(alias).facts }

// canonical is alias as the device spells it; an unknown one stays.
func (s *snapshot) canonical(alias string) string {
	if f := s.facts(alias); f.Found && f.Port.Alias != "" {
		return f.Port.Alias
	}
	return alias
}

// selector reads a selector, with the device's spelling of its port.
func (s *snapshot) selector(p *pb.RouteSelector) (routes.Selector, error) {
	sel, err := publicapi.FromSelector(p)
	if err == nil {
		sel.Interface = s.canonical(sel.Interface)
	}
	return sel, err
}

// check applies all rules to a new route, with the device's spelling of its port.
func (s *snapshot) check(r routes.Route) (routes.Route, []routes.Warning, error) {
	p := s.port(r.Interface())
	if alias := p.facts.Port.Alias; p.facts.Found && alias != r.Interface() {
		var err error
		if r, err = r.WithInterface(alias); err != nil {
			return r, nil, err
		}
	}
	warnings, err := p.rules.Check(r)
	return r, warnings, err
}

// warnings are those of a stored route: what was accepted with it, and what
// has changed since.
func (s *snapshot) warnings(r routes.Route) []routes.Warning {
	return s.port(r.Interface()).rules.Stored(r)
}

// show is a record with its statuses and warnings.
func (s *snapshot) show(rec routes.Record, summary bool) *pb.Route {
	nodes := s.fleet.Status(rec)
	p := s.records.Convert(rec, nodes, summary)
	if !rec.Removed {
		p.Warnings = publicapi.Warnings(withWinners(s.warnings(rec.Route), rec.Route, nodes))
	}
	return p
}

// withWinners adds the warnings that the nodes' statuses make: whose route their
// kernels take. One replaces the warning of that code that the facts led to expect.
func withWinners(warnings []routes.Warning, r routes.Route, nodes []routes.NodeStatus) []routes.Warning {
	for _, c := range []struct {
		condition routes.Condition
		code      routes.WarningCode
		warning   func(r routes.Route, rival string, nodes ...string) routes.Warning
	}{
		{routes.Shadowed, routes.WarnShadowed, routes.ShadowedBy},
		{routes.Shared, routes.WarnShared, routes.SharedWith},
	} {
		var names []string
		rival := ""
		for _, n := range nodes {
			if n.Condition == c.condition {
				names, rival = append(names, n.Node), cmp.Or(rival, n.Detail)
			}
		}
		if len(names) == 0 {
			continue
		}
		rival = cmp.Or(rival, "another route of "+names[0])
		if len(names) == len(nodes) {
			names = nil // on all of them
		}
		warnings = slices.DeleteFunc(slices.Clone(warnings), func(w routes.Warning) bool { return w.Code == c.code })
		warnings = append(warnings, c.warning(r, rival, names...))
	}
	return warnings
}
