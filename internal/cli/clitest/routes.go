package clitest

import (
	"context"
	"maps"
	"slices"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

type routeService struct {
	pb.UnimplementedRouteServiceServer
	*Model
}

func (s routeService) AddRoute(ctx context.Context, req *pb.AddRouteRequest) (*pb.AddRouteResponse, error) {
	w := writeCall{"add", 1, req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.AddRouteResponse, bool, error) {
		it, err := s.add(req.GetRoute(), req.GetForce(), s.revision+1, w.validate)
		if err != nil {
			return nil, false, err
		}
		changed := it.outcome != routes.Unchanged
		return &pb.AddRouteResponse{
			Route: it.routes[0], Outcome: wire.Outcome(it.outcome), Revision: s.after(changed && !w.validate),
			Acknowledged: s.acknowledged(req.GetAcknowledgement(), it.routes),
		}, changed, nil
	})
}

func (m *Model) after(changed bool) uint64 {
	if changed {
		return uint64(m.revision + 1)
	}
	return uint64(m.revision)
}

func (s routeService) SetRoute(ctx context.Context, req *pb.SetRouteRequest) (*pb.SetRouteResponse, error) {
	w := writeCall{"set", 1, req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.SetRouteResponse, bool, error) {
		it, err := s.set(req)
		if err != nil {
			return nil, false, err
		}
		changed := it.outcome != routes.Unchanged
		return &pb.SetRouteResponse{
			Route: it.routes[0], Outcome: wire.Outcome(it.outcome), Revision: s.after(changed && !w.validate),
			Acknowledged: s.acknowledged(req.GetAcknowledgement(), it.routes),
		}, changed, nil
	})
}

func (s routeService) RemoveRoute(ctx context.Context, req *pb.RemoveRouteRequest) (*pb.RemoveRouteResponse, error) {
	w := writeCall{"remove", 1, req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.RemoveRouteResponse, bool, error) {
		it, err := s.remove(req.GetSelector(), routes.Removal{All: req.GetAll(), IfExists: req.GetIfExists(), ExpectedRevision: routes.Revision(req.GetExpectedRevision())}, w.validate)
		if err != nil {
			return nil, false, err
		}
		return &pb.RemoveRouteResponse{Routes: it.routes, Outcome: wire.Outcome(it.outcome), Revision: s.after(!w.validate), Acknowledged: s.acknowledged(req.GetAcknowledgement(), it.routes)}, true, nil
	})
}

// batch carries out items and makes their results.
func batch[T any](list []T, do func(T) (item, error)) (out []*pb.ItemResult, all []*pb.Route, changed bool) {
	for i, in := range list {
		it, err := do(in)
		res := &pb.ItemResult{Index: int32(i), Outcome: wire.Outcome(it.outcome), Warnings: wire.Warnings(it.warnings), Routes: it.routes}
		if err != nil {
			res.Error = wire.Error(routes.AsError(err, routes.BadRequest))
		}
		changed = changed || err == nil && it.outcome != routes.Unchanged
		out, all = append(out, res), append(all, it.routes...)
	}
	return out, all, changed
}

func (s routeService) BatchAddRoutes(ctx context.Context, req *pb.BatchAddRoutesRequest) (*pb.BatchAddRoutesResponse, error) {
	w := writeCall{"batch-add", len(req.GetRoutes()), req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.BatchAddRoutesResponse, bool, error) {
		items, all, changed := batch(req.GetRoutes(), func(p *pb.Route) (item, error) { return s.add(p, req.GetForce(), s.revision+1, w.validate) })
		return &pb.BatchAddRoutesResponse{Items: items, Committed: !w.validate, Revision: s.after(changed && !w.validate), Acknowledged: s.acknowledged(req.GetAcknowledgement(), all)}, changed, nil
	})
}

func (s routeService) BatchRemoveRoutes(ctx context.Context, req *pb.BatchRemoveRoutesRequest) (*pb.BatchRemoveRoutesResponse, error) {
	w := writeCall{"batch-remove", len(req.GetSelectors()), req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.BatchRemoveRoutesResponse, bool, error) {
		items, all, changed := batch(req.GetSelectors(), func(p *pb.RouteSelector) (item, error) {
			return s.remove(p, routes.Removal{All: req.GetAll(), IfExists: req.GetIfExists()}, w.validate)
		})
		return &pb.BatchRemoveRoutesResponse{Items: items, Committed: !w.validate, Revision: s.after(changed && !w.validate), Acknowledged: s.acknowledged(req.GetAcknowledgement(), all)}, changed, nil
	})
}

func (s routeService) ApplyRoutes(ctx context.Context, req *pb.ApplyRoutesRequest) (*pb.ApplyRoutesResponse, error) {
	w := writeCall{"apply", len(req.GetUpserts()) + len(req.GetRemovals()), req.GetRequestId(), req.GetOnBehalfOf(), req.GetValidateOnly()}
	return write(ctx, s.Model, w, func() (*pb.ApplyRoutesResponse, bool, error) {
		if want := req.GetExpectedRevision(); want != 0 && want != uint64(s.revision) {
			return nil, false, &routes.Error{Reason: routes.RevisionMismatch, Field: "expected_revision", Problem: "the store has changed"}
		}
		before, count, events := maps.Clone(s.records), s.count, len(s.events)
		removals, gone, c1 := batch(req.GetRemovals(), func(p *pb.RouteSelector) (item, error) { return s.remove(p, routes.Removal{}, false) })
		upserts, all, c2 := batch(req.GetUpserts(), func(p *pb.Route) (item, error) { return s.add(p, true, s.revision+1, false) })
		refused := slices.ContainsFunc(append(slices.Clone(upserts), removals...), func(i *pb.ItemResult) bool { return i.GetError() != nil })
		if refused || w.validate {
			s.records, s.count, s.events = before, count, s.events[:events]
		}
		return &pb.ApplyRoutesResponse{
			Upserts: upserts, Removals: removals, Committed: !refused && !w.validate, Revision: s.after((c1 || c2) && !refused && !w.validate),
			Acknowledged: s.acknowledged(req.GetAcknowledgement(), append(all, gone...)),
		}, (c1 || c2) && !refused, nil
	})
}
