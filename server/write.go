package server

import (
	"context"
	"fmt"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// single tells the refusal of a call with one item: it is the call's.
func (c *change) single() error {
	if len(c.result.Items) != 1 {
		return fmt.Errorf("the store answered %d results for one item", len(c.result.Items))
	}
	if refused := c.result.Items[0].Err; refused != nil {
		return refused
	}
	return nil
}

// current is the record that an item leaves in place; a route that was
// checked only has none yet.
func current(item store.ItemResult, r routes.Route) routes.Record {
	for _, rec := range item.After {
		if !rec.Removed {
			return rec
		}
	}
	return routes.Record{Route: r}
}

// placeOne keeps a place for the one route of a call; none where it is refused.
func (c *change) placeOne(res store.Result, r routes.Route) (pb.Outcome, *pb.Route) {
	if len(res.Items) != 1 || res.Items[0].Err != nil {
		return pb.Outcome_OUTCOME_UNSPECIFIED, nil
	}
	return publicapi.Outcome(res.Items[0].Outcome), c.place(current(res.Items[0], r), 0)
}

// AddRoute stores a route.
func (s *routeService) AddRoute(ctx context.Context, req *pb.AddRouteRequest) (*pb.AddRouteResponse, error) {
	c, err := s.begin(ctx, "add", req, 1)
	if err != nil {
		return nil, err
	}
	c.add(req.GetRoute(), req.GetForce())
	item := c.request.Items[0]
	if item.Refused != nil && c.request.RequestID == "" {
		return nil, item.Refused
	}
	resp, err := carryOut(ctx, c, func(res store.Result) *pb.AddRouteResponse {
		resp := &pb.AddRouteResponse{Revision: uint64(res.Revision)}
		resp.Outcome, resp.Route = c.placeOne(res, item.Route)
		return resp
	})
	if err != nil {
		return nil, err
	}
	if err := c.single(); err != nil {
		return nil, err
	}
	acknowledged, warnings := c.acknowledge(ctx)
	c.tell()
	resp.Acknowledged, resp.Replayed = acknowledged, c.result.Replayed
	resp.Route.Warnings = append(resp.Route.Warnings, warnings...)
	return resp, nil
}

// SetRoute changes the metric or next hop of one stored route.
func (s *routeService) SetRoute(ctx context.Context, req *pb.SetRouteRequest) (*pb.SetRouteResponse, error) {
	c, err := s.begin(ctx, "set", req, 1)
	if err != nil {
		return nil, err
	}
	c.set(&pb.RouteChange{Selector: req.GetSelector(), NewNextHop: req.GetNewNextHop(), Metric: req.Metric, ExpectedRevision: req.GetExpectedRevision()})
	if refused := c.request.Items[0].Refused; refused != nil && c.request.RequestID == "" {
		return nil, refused
	}
	resp, err := carryOut(ctx, c, func(res store.Result) *pb.SetRouteResponse {
		resp := &pb.SetRouteResponse{Revision: uint64(res.Revision)}
		resp.Outcome, resp.Route = c.placeOne(res, routes.Route{})
		return resp
	})
	if err != nil {
		return nil, err
	}
	if err := c.single(); err != nil {
		return nil, err
	}
	acknowledged, warnings := c.acknowledge(ctx)
	c.tell()
	resp.Acknowledged, resp.Replayed = acknowledged, c.result.Replayed
	resp.Route.Warnings = append(resp.Route.Warnings, warnings...)
	return resp, nil
}

// RemoveRoute removes the one route that matches, or all that match.
func (s *routeService) RemoveRoute(ctx context.Context, req *pb.RemoveRouteRequest) (*pb.RemoveRouteResponse, error) {
	c, err := s.begin(ctx, "remove", req, 1)
	if err != nil {
		return nil, err
	}
	c.remove(req.GetSelector(), routes.Removal{All: req.GetAll(), IfExists: req.GetIfExists(), ExpectedRevision: routes.Revision(req.GetExpectedRevision())})
	if refused := c.request.Items[0].Refused; refused != nil && c.request.RequestID == "" {
		return nil, refused
	}
	resp, err := carryOut(ctx, c, func(res store.Result) *pb.RemoveRouteResponse {
		resp := &pb.RemoveRouteResponse{Revision: uint64(res.Revision)}
		if len(res.Items) == 1 && res.Items[0].Err == nil {
			resp.Outcome = publicapi.Outcome(res.Items[0].Outcome)
			resp.Routes = c.placeRemoved(res.Items[0], 0)
		}
		return resp
	})
	if err != nil {
		return nil, err
	}
	if err := c.single(); err != nil {
		return nil, err
	}
	acknowledged, warnings := c.acknowledge(ctx)
	c.tellRemoved(ctx)
	resp.Acknowledged, resp.Replayed = acknowledged, c.result.Replayed
	for _, p := range resp.Routes {
		p.Warnings = append(p.Warnings, warnings...)
	}
	return resp, nil
}

// placeRemoved keeps places for the routes that an item removed: as
// tombstones, where nodes have yet to prove, else as they were.
func (c *change) placeRemoved(item store.ItemResult, index int) []*pb.Route {
	tombs := map[routes.Key]routes.Record{}
	for _, rec := range item.After {
		if rec.Removed {
			tombs[rec.Route.Key()] = rec
		}
	}
	var out []*pb.Route
	for _, rec := range item.Before {
		if tomb, ok := tombs[rec.Route.Key()]; ok {
			delete(tombs, rec.Route.Key())
			rec = tomb
		}
		out = append(out, c.place(rec, index))
	}
	for _, rec := range item.After { // those that were being removed already
		if _, ok := tombs[rec.Route.Key()]; ok {
			out = append(out, c.place(rec, index))
		}
	}
	return out
}

// tellRemoved fills in how far the removals are: REMOVING while a node has yet
// to prove, REMOVED once the route is gone everywhere. One that was added again
// shows as it is now.
func (c *change) tellRemoved(ctx context.Context) {
	if c.request.ValidateOnly {
		c.tell()
		return
	}
	left := c.shown[:0]
	for _, s := range c.shown {
		// The answer says what is stored, also where the call has ended meanwhile.
		rec, err := c.store.Get(context.WithoutCancel(ctx), s.rec.Route.Key())
		switch {
		case routes.ReasonOf(err) == routes.NotFound:
			s.at.State = pb.State_STATE_REMOVED
			continue
		case err == nil:
			s.rec = rec
		}
		left = append(left, s)
	}
	c.shown = left
	c.tell()
}
