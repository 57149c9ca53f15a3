package server

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// filter is a RouteFilter that was read. The store answers query; the rest is
// matched here.
type filter struct {
	query    store.Query
	patterns []string // folded; of aliases, where one has wildcards
	states   []routes.State
}

// readFilter reads a filter. Aliases become the device's spelling.
func (s *Server) readFilter(ctx context.Context, v *view, p *pb.RouteFilter) (filter, error) {
	f := filter{query: store.Query{Tombstones: true}}
	for _, field := range []struct {
		name string
		n    int
	}{{"interfaces", len(p.GetInterfaces())}, {"destinations", len(p.GetDestinations())}, {"next_hops", len(p.GetNextHops())}, {"metrics", len(p.GetMetrics())}} {
		if err := checkCount(field.name, field.n); err != nil {
			return f, err
		}
	}
	for _, text := range p.GetDestinations() {
		dst, err := routes.ParseDestination(text)
		if err != nil {
			return f, err
		}
		f.query.Destinations = append(f.query.Destinations, dst)
	}
	for _, text := range p.GetNextHops() {
		hop, err := routes.ParseNextHop(text, "")
		if err != nil {
			return f, err
		}
		f.query.NextHops = append(f.query.NextHops, hop)
	}
	for _, m := range p.GetMetrics() {
		if err := routes.CheckMetric(int64(m)); err != nil {
			return f, err
		}
		f.query.Metrics = append(f.query.Metrics, uint16(m))
	}
	switch p.GetAddressFamily() {
	case pb.AddressFamily_ADDRESS_FAMILY_IPV4:
		f.query.Family = 4
	case pb.AddressFamily_ADDRESS_FAMILY_IPV6:
		f.query.Family = 6
	}
	for _, state := range p.GetStates() {
		if st := wire.FromState(state); st != "" {
			f.states = append(f.states, st)
		}
	}
	return f, s.readInterfaces(ctx, v, p.GetInterfaces(), &f)
}

// readInterfaces reads aliases and patterns. One pattern turns all into
// patterns; otherwise the store reads those ports only.
func (s *Server) readInterfaces(ctx context.Context, v *view, list []string, f *filter) error {
	wild := slices.ContainsFunc(list, func(alias string) bool { return strings.ContainsAny(alias, "*?") })
	for _, given := range list {
		if strings.ContainsAny(given, "*?") {
			f.patterns = append(f.patterns, routes.FoldAlias(strings.TrimSpace(given)))
			continue
		}
		alias, err := routes.CheckAlias(given)
		if err != nil {
			return err
		}
		alias = v.canonical(alias)
		if err := s.mustExist(ctx, v, alias); err != nil {
			return err
		}
		if wild {
			f.patterns = append(f.patterns, routes.FoldAlias(alias))
		} else {
			f.query.Interfaces = append(f.query.Interfaces, alias)
		}
	}
	return nil
}

// mustExist refuses an alias that is neither a port nor one that routes are
// stored on. With the ports unknown nothing can be said against it.
func (s *Server) mustExist(ctx context.Context, v *view, alias string) error {
	facts := v.facts(alias)
	if !facts.Known || facts.Found {
		return nil
	}
	recs, _, err := s.store.List(ctx, store.Query{Interfaces: []string{alias}, Tombstones: true, Limit: 1})
	if err != nil || len(recs) > 0 {
		return err
	}
	return routes.CheckPort(alias, facts)
}

// takes tells whether a record passes what the store does not filter.
func (f filter) takes(rec routes.Record) bool {
	if len(f.patterns) == 0 {
		return true
	}
	alias := routes.FoldAlias(rec.Route.Interface())
	return slices.ContainsFunc(f.patterns, func(pattern string) bool { return wildcard(pattern, alias) })
}

// takesState tells whether a route's state passes.
func (f filter) takesState(p *pb.Route) bool {
	return len(f.states) == 0 || slices.Contains(f.states, wire.FromState(p.State))
}

// takesAll is the whole filter on one record, for events.
func (f filter) takesAll(rec routes.Record) bool {
	r, q := rec.Route, f.query
	is := func(alias string) bool { return routes.FoldAlias(alias) == r.Key().Interface }
	return f.takes(rec) &&
		(len(q.Interfaces) == 0 || slices.ContainsFunc(q.Interfaces, is)) &&
		(len(q.Destinations) == 0 || slices.Contains(q.Destinations, r.Destination())) &&
		(len(q.NextHops) == 0 || slices.Contains(q.NextHops, r.NextHop())) &&
		(len(q.Metrics) == 0 || slices.Contains(q.Metrics, r.Metric())) &&
		(q.Family == 0 || (q.Family == 4) == r.Destination().Addr().Is4())
}

// wildcard matches '*' and '?' and nothing else: path.Match's other special
// characters are escaped, and "/" is as good as any.
func wildcard(pattern, alias string) bool {
	escape := strings.NewReplacer(`\`, `\\`, `[`, `\[`, "/", "\x01")
	ok, err := path.Match(escape.Replace(pattern), strings.ReplaceAll(alias, "/", "\x01"))
	return ok && err == nil
}
