package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// filter is a RouteFilter that was read. The store answers query, which events
// are matched with; the rest is matched here.
type filter struct {
	query  store.Query
	ports  *portMatch // where an alias has wildcards
	states []routes.State
	codes  map[string]struct{} // alternatives to states
	match  store.Matcher       // of query
}

// readFilter reads a filter. Aliases become the device's spelling.
func (s *Server) readFilter(ctx context.Context, snap *snapshot, p *pb.RouteFilter) (filter, error) {
	f := filter{query: store.Query{Tombstones: true}}
	for _, field := range []struct {
		name string
		n    int
	}{{"interfaces", len(p.GetInterfaces())}, {"destinations", len(p.GetDestinations())}, {"next_hops", len(p.GetNextHops())}, {"metrics", len(p.GetMetrics())}, {"codes", len(p.GetCodes())}} {
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
		if st := publicapi.FromState(state); st != "" {
			f.states = append(f.states, st)
		}
	}
	var err error
	if f.codes, err = readCodes(p.GetCodes()); err != nil {
		return f, err
	}
	if err := s.readInterfaces(ctx, snap, p.GetInterfaces(), &f); err != nil {
		return f, err
	}
	f.match = f.query.Matcher()
	return f, nil
}

// readCodes reads codes of the tables of causes and warnings: another one is a
// slip, which would find nothing for ever.
func readCodes(list []string) (map[string]struct{}, error) {
	codes := make(map[string]struct{}, len(list))
	for _, code := range list {
		codes[code] = struct{}{}
		_, cause := routes.InfoOfCause(code)
		_, warning := routes.WarningCode(code).Info()
		if !cause && !warning {
			return nil, &routes.Error{
				Reason: routes.BadRequest, Field: "codes", Value: fmt.Sprintf("%.64q", code), Problem: "no cause, condition or warning has this code",
				Action: "Use one of docs/errors.md, such as LINK_DOWN or STANDBY",
			}
		}
	}
	return codes, nil
}

// readInterfaces reads aliases and patterns. One pattern has all of them
// matched here; otherwise the store reads those ports only.
func (s *Server) readInterfaces(ctx context.Context, snap *snapshot, list []string, f *filter) error {
	known := map[string]struct{}{} // folded
	var patterns []string
	for _, given := range list {
		if strings.ContainsAny(given, "*?") {
			patterns = append(patterns, given)
			continue
		}
		alias, err := routes.CheckAlias(given)
		if err != nil {
			return err
		}
		alias = snap.canonical(alias)
		if _, twice := known[routes.FoldAlias(alias)]; twice {
			continue
		}
		if err := s.mustExist(ctx, snap, alias); err != nil {
			return err
		}
		known[routes.FoldAlias(alias)] = struct{}{}
		f.query.Interfaces = append(f.query.Interfaces, alias)
	}
	if len(patterns) == 0 {
		return nil
	}
	ports, err := newPortMatch(patterns, known)
	if err != nil {
		return err
	}
	f.ports, f.query.Interfaces = ports, nil
	return nil
}

// mustExist refuses an alias that is neither a port nor one that routes are
// stored on. With the ports unknown nothing can be said against it.
func (s *Server) mustExist(ctx context.Context, snap *snapshot, alias string) error {
	facts := snap.facts(alias)
	if !facts.Known || facts.Found {
		return nil
	}
	recs, _, err := s.store.List(ctx, store.Query{Interfaces: []string{alias}, Tombstones: true, Limit: 1})
	if err != nil || len(recs) > 0 {
		return err
	}
	return routes.CheckPort(alias, facts)
}

// takes reports whether a record passes what the store does not filter.
func (f filter) takes(rec routes.Record) bool {
	return f.ports == nil || f.ports.takes(rec.Route.Interface())
}

// byStatus is true where the filter asks what has become of a route.
func (f filter) byStatus() bool { return len(f.states)+len(f.codes) > 0 }

// takesStatus is true for a route whose state passes, or one of its codes: those
// of every node count, so that p must have its nodes where the filter has codes.
func (f filter) takesStatus(p *pb.Route) bool {
	if !f.byStatus() || slices.Contains(f.states, publicapi.FromState(p.State)) {
		return true
	}
	has := func(code string) bool {
		_, ok := f.codes[code]
		return ok
	}
	return has(p.GetCause()) || has(p.GetCondition()) ||
		slices.ContainsFunc(p.GetNodes(), func(n *pb.NodeStatus) bool { return has(n.GetCause()) || has(n.GetCondition()) }) ||
		slices.ContainsFunc(p.GetWarnings(), func(w *pb.Warning) bool { return has(w.GetCode()) })
}

// takesAll is the whole filter on one record, for events.
func (f filter) takesAll(rec routes.Record) bool { return f.takes(rec) && f.match.Takes(rec.Route) }
