package server

import (
	"context"
	"fmt"
	"net/netip"

	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Bounds of a page of routes.
const (
	defaultPage = 1000
	maxPage     = 10_000
	// maxPageBytes ends a page early, so that a client with grpc's default
	// limit of 4 MiB can read it.
	maxPageBytes = 3 << 20
	// scanPage is how many records are read at a time where some are left out.
	scanPage = 1000
)

// GetRoute reads one route, also one that is being removed.
func (s *routeService) GetRoute(ctx context.Context, req *pb.GetRouteRequest) (*pb.GetRouteResponse, error) {
	snap := s.snapshot()
	sel, err := snap.selector(req.GetSelector())
	if err != nil {
		return nil, err
	}
	recs, _, err := s.store.List(ctx, selected(sel))
	if err != nil {
		return nil, err
	}
	rec, err := choose(recs, sel)
	if err != nil {
		return nil, err
	}
	return &pb.GetRouteResponse{Route: snap.show(rec, false)}, nil
}

// selected asks for what a selector takes, removals included.
func selected(sel routes.Selector) store.Query {
	q := store.Query{Interfaces: []string{sel.Interface}, Destinations: []netip.Prefix{sel.Destination}, Tombstones: true}
	if sel.NextHop.IsValid() {
		q.NextHops = append(q.NextHops, sel.NextHop)
	}
	return q
}

// choose is the one record that a selector takes: routes that exist come
// before those that are being removed.
func choose(recs []routes.Record, sel routes.Selector) (routes.Record, error) {
	live, removed := sel.Among(recs, false), sel.Among(recs, true)
	if len(live) == 0 && len(removed) > 0 {
		return removed[0], nil
	}
	// A change of nothing finds what Set would: NOT_FOUND and AMBIGUOUS have one text.
	if _, err := routes.DecideSet(live, sel, routes.Change{}); err != nil {
		return routes.Record{}, err
	}
	return live[0], nil
}

// ListRoutes reads a page of routes.
func (s *routeService) ListRoutes(ctx context.Context, req *pb.ListRoutesRequest) (*pb.ListRoutesResponse, error) {
	size, err := pageSize(req.GetPageSize(), defaultPage, maxPage)
	if err != nil {
		return nil, err
	}
	bound := pageOf(req.GetFilter())
	after, err := bound.key(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	snap := s.snapshot()
	f, err := s.readFilter(ctx, snap, req.GetFilter())
	if err != nil {
		return nil, err
	}
	f.query.After = after
	resp := &pb.ListRoutesResponse{Revision: uint64(s.store.Info().Version.Revision)}
	bytes, last := 0, routes.Route{}
	more, err := s.scan(ctx, f, size, func(rec routes.Record) bool {
		p := snap.show(rec, req.GetSummary() && len(f.codes) == 0)
		if p.GetState() == pb.State_STATE_REMOVED || !f.takesStatus(p) {
			return true
		}
		if req.GetSummary() {
			p.Nodes = nil
		}
		resp.Routes = append(resp.Routes, p)
		bytes += proto.Size(p)
		last = rec.Route
		return len(resp.Routes) < size && bytes < maxPageBytes
	})
	if err != nil {
		return nil, err
	}
	resp.EndRevision = uint64(s.store.Info().Version.Revision)
	if more {
		resp.NextPageToken = bound.token(last.Key())
	}
	return resp, nil
}

// scan calls yield for the records that the filter takes until it returns
// false; more says that records may be left. want is how many the caller
// hopes for.
func (s *Server) scan(ctx context.Context, f filter, want int, yield func(routes.Record) bool) (more bool, err error) {
	q := f.query
	q.Limit = want
	if f.ports != nil || f.byStatus() {
		q.Limit = scanPage
	}
	for {
		recs, more, err := s.store.List(ctx, q)
		if err != nil {
			return false, err
		}
		for i, rec := range recs {
			if f.takes(rec) && !yield(rec) {
				return more || i+1 < len(recs), nil
			}
		}
		if !more || len(recs) == 0 {
			return false, nil
		}
		q.After = recs[len(recs)-1].Route.Key()
	}
}

// ExplainRoute asks every node's kernel which route a packet to an address takes.
func (s *routeService) ExplainRoute(ctx context.Context, req *pb.ExplainRouteRequest) (*pb.ExplainRouteResponse, error) {
	addr, err := parseAddress(req.GetAddress())
	if err != nil {
		return nil, err
	}
	if err := checkCount("nodes", len(req.GetNodes())); err != nil {
		return nil, err
	}
	paths, err := s.fleet.Explain(ctx, addr, req.GetNodes())
	if err != nil {
		return nil, err
	}
	resp := &pb.ExplainRouteResponse{}
	for _, p := range paths {
		resp.Paths = append(resp.Paths, &pb.NodePath{
			Node: p.Node, Destination: p.Destination, NextHop: p.NextHop, Link: p.Link, Interface: p.Interface,
			Source: p.Source, Metric: p.Metric, Protocol: p.Protocol, Ours: p.Ours, Problem: p.Problem,
		})
	}
	return resp, nil
}

func pageSize(given int32, otherwise, most int) (int, error) {
	switch {
	case given < 0:
		return 0, &routes.Error{Reason: routes.BadRequest, Field: "page_size", Value: fmt.Sprint(given), Problem: "below 0"}
	case given == 0:
		return otherwise, nil
	}
	return min(int(given), most), nil
}
