package server

import (
	"context"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// AddRoute stores a route.
func (s *routeService) AddRoute(ctx context.Context, req *pb.AddRouteRequest) (*pb.AddRouteResponse, error) {
	c, err := s.begin(ctx, "add", req, 1)
	if err != nil {
		return nil, err
	}
	c.add(req.GetRoute(), req.GetForce())
	a, err := c.one(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.AddRouteResponse{
		Route: first(a), Outcome: a.Items[0].Outcome, Revision: a.Revision, Acknowledged: a.Acknowledged, Replayed: a.Replayed,
	}, nil
}

// SetRoute changes the metric or next hop of one stored route.
func (s *routeService) SetRoute(ctx context.Context, req *pb.SetRouteRequest) (*pb.SetRouteResponse, error) {
	c, err := s.begin(ctx, "set", req, 1)
	if err != nil {
		return nil, err
	}
	c.set(&pb.RouteChange{Selector: req.GetSelector(), NewNextHop: req.GetNewNextHop(), Metric: req.Metric, ExpectedRevision: req.GetExpectedRevision()})
	a, err := c.one(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.SetRouteResponse{
		Route: first(a), Outcome: a.Items[0].Outcome, Revision: a.Revision, Acknowledged: a.Acknowledged, Replayed: a.Replayed,
	}, nil
}

// RemoveRoute removes the one route that matches, or all that match.
func (s *routeService) RemoveRoute(ctx context.Context, req *pb.RemoveRouteRequest) (*pb.RemoveRouteResponse, error) {
	c, err := s.begin(ctx, "remove", req, 1)
	if err != nil {
		return nil, err
	}
	c.remove(req.GetSelector(), routes.Removal{All: req.GetAll(), IfExists: req.GetIfExists(), ExpectedRevision: routes.Revision(req.GetExpectedRevision())})
	a, err := c.one(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.RemoveRouteResponse{
		Routes: a.Items[0].Routes, Outcome: a.Items[0].Outcome, Revision: a.Revision, Acknowledged: a.Acknowledged, Replayed: a.Replayed,
	}, nil
}

// first is the route of a call for one.
func first(a *answer) *pb.Route {
	for _, p := range a.Items[0].Routes {
		return p
	}
	return nil
}
