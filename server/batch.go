package server

import (
	"context"
	"fmt"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// checkBatch bounds the items of a batch, and wants one at least.
func checkBatch(field string, n int) error {
	if n == 0 {
		return &routes.Error{Reason: routes.BadRequest, Field: field, Problem: "empty; give at least one"}
	}
	return checkCount(field, n)
}

func checkCount(field string, n int) error {
	if n <= maxItems {
		return nil
	}
	return &routes.Error{
		Reason: routes.BatchTooLarge, Field: field, Value: fmt.Sprint(n), Problem: fmt.Sprintf("more than %d items", maxItems),
		Params: map[string]string{"limit": fmt.Sprint(maxItems)},
	}
}

// BatchAddRoutes stores up to 10,000 routes in one transaction.
func (s *routeService) BatchAddRoutes(ctx context.Context, req *pb.BatchAddRoutesRequest) (*pb.BatchAddRoutesResponse, error) {
	c, err := s.beginBatch(ctx, req, list{"batch-add", "routes", len(req.GetRoutes())})
	if err != nil {
		return nil, err
	}
	for _, p := range req.GetRoutes() {
		c.add(p, req.GetForce())
	}
	return c.run(ctx)
}

// BatchSetRoutes changes up to 10,000 stored routes in one transaction.
func (s *routeService) BatchSetRoutes(ctx context.Context, req *pb.BatchSetRoutesRequest) (*pb.BatchSetRoutesResponse, error) {
	c, err := s.beginBatch(ctx, req, list{"batch-set", "changes", len(req.GetChanges())})
	if err != nil {
		return nil, err
	}
	for _, p := range req.GetChanges() {
		c.set(p)
	}
	a, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.BatchSetRoutesResponse{
		Items: a.Items, Committed: a.Committed, Revision: a.Revision, Acknowledged: a.Acknowledged, Warnings: a.Warnings, Replayed: a.Replayed,
	}, nil
}

// BatchRemoveRoutes removes up to 10,000 selections in one transaction.
func (s *routeService) BatchRemoveRoutes(ctx context.Context, req *pb.BatchRemoveRoutesRequest) (*pb.BatchRemoveRoutesResponse, error) {
	c, err := s.beginBatch(ctx, req, list{"batch-remove", "selectors", len(req.GetSelectors())})
	if err != nil {
		return nil, err
	}
	expected := req.GetExpectedRevisions()
	if len(expected) > 0 && len(expected) != len(req.GetSelectors()) {
		return nil, &routes.Error{
			Reason: routes.BadRequest, Field: "expected_revisions", Value: fmt.Sprint(len(expected)), Problem: fmt.Sprintf("not as many as the %d selectors", len(req.GetSelectors())),
			Action: "Give none, or one for each selector, 0 for any",
		}
	}
	for i, p := range req.GetSelectors() {
		how := routes.Removal{All: req.GetAll(), IfExists: req.GetIfExists()}
		if len(expected) > 0 {
			how.ExpectedRevision = routes.Revision(expected[i])
		}
		c.remove(p, how)
	}
	a, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.BatchRemoveRoutesResponse{
		Items: a.Items, Committed: a.Committed, Revision: a.Revision, Acknowledged: a.Acknowledged, Warnings: a.Warnings, Replayed: a.Replayed,
	}, nil
}

// batch is what the requests for many items have in common.
type batch interface {
	writing
	GetMode() pb.BatchMode
}

// list is where a batch has its items, and how many.
type list struct {
	action, field string
	items         int
}

func (s *Server) beginBatch(ctx context.Context, req batch, l list) (*change, error) {
	if err := checkBatch(l.field, l.items); err != nil {
		return nil, err
	}
	c, err := s.begin(ctx, l.action, req, l.items)
	if err != nil {
		return nil, err
	}
	c.request.Atomic = req.GetMode() != pb.BatchMode_BATCH_MODE_PARTIAL
	return c, nil
}

// ApplyRoutes upserts and removes in one atomic transaction, judged by how it
// ends. The removals come first: a key in both lists is there afterwards.
func (s *routeService) ApplyRoutes(ctx context.Context, req *pb.ApplyRoutesRequest) (*pb.ApplyRoutesResponse, error) {
	removals := len(req.GetRemovals())
	if err := checkCount("upserts and removals", removals+len(req.GetUpserts())); err != nil {
		return nil, err
	}
	c, err := s.begin(ctx, "apply", req, removals+len(req.GetUpserts()))
	if err != nil {
		return nil, err
	}
	c.form, c.removals = formApply, removals
	c.request.ExpectedRevision = routes.Revision(req.GetExpectedRevision())
	for _, p := range req.GetRemovals() {
		c.remove(p, routes.Removal{})
		if item := &c.request.Items[len(c.request.Items)-1]; p.GetNextHop() == "" && item.Refused == nil {
			item.Refused = &routes.Error{Reason: routes.BadRequest, Field: "next_hop", Problem: "needed: each removal names one route"}
		}
	}
	for _, p := range req.GetUpserts() {
		c.add(p, true)
	}
	a, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	return c.applied(a), nil
}
