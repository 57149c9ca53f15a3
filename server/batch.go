package server

import (
	"context"
	"fmt"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
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
	return c.many(ctx)
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
	m, err := c.many(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.BatchSetRoutesResponse{
		Items: m.Items, Committed: m.Committed, Revision: m.Revision, Acknowledged: m.Acknowledged, Warnings: m.Warnings, Replayed: m.Replayed,
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
	m, err := c.many(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.BatchRemoveRoutesResponse{
		Items: m.Items, Committed: m.Committed, Revision: m.Revision, Acknowledged: m.Acknowledged, Warnings: m.Warnings, Replayed: m.Replayed,
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

// many carries a batch out. The answers to all batches have the same fields by
// the same numbers, so that one of them is what is kept for a replay of each.
func (c *change) many(ctx context.Context) (*pb.BatchAddRoutesResponse, error) {
	resp, err := carryOut(ctx, c, func(res store.Result) *pb.BatchAddRoutesResponse {
		return &pb.BatchAddRoutesResponse{Items: c.items(res), Committed: res.Committed, Revision: uint64(res.Revision)}
	})
	if err != nil {
		return nil, err
	}
	resp.Replayed = c.result.Replayed
	resp.Acknowledged, resp.Warnings = c.finish(ctx, resp.Committed, resp.Items)
	return resp, nil
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
	resp, err := carryOut(ctx, c, func(res store.Result) *pb.ApplyRoutesResponse {
		resp := &pb.ApplyRoutesResponse{Committed: res.Committed, Revision: uint64(res.Revision)}
		if items := c.items(res); len(items) >= removals {
			resp.Removals, resp.Upserts = items[:removals:removals], items[removals:]
		}
		for i, item := range resp.Upserts {
			item.Index = int32(i)
		}
		return resp
	})
	if err != nil {
		return nil, err
	}
	resp.Replayed = c.result.Replayed
	resp.Acknowledged, resp.Warnings = c.finish(ctx, resp.Committed, answered(resp))
	return resp, nil
}

// items are the results of a batch, in the order of the request.
func (c *change) items(res store.Result) []*pb.ItemResult {
	out := make([]*pb.ItemResult, len(res.Items))
	for i, item := range res.Items {
		p := &pb.ItemResult{Index: int32(i), Outcome: publicapi.Outcome(item.Outcome)}
		out[i] = p
		if item.Err != nil {
			p.Error, p.Outcome = publicapi.Error(item.Err), pb.Outcome_OUTCOME_UNSPECIFIED
			continue
		}
		p.Warnings = publicapi.Warnings(c.warnings[i])
		if !c.returnRoutes {
			continue
		}
		if c.request.Items[i].Op == store.OpRemove {
			p.Routes = c.placeRemoved(item, i)
		} else {
			p.Routes = []*pb.Route{c.place(current(item, c.request.Items[i].Route), i)}
		}
	}
	return out
}

// finish waits as far as the caller asked and fills statuses in.
func (c *change) finish(ctx context.Context, committed bool, items []*pb.ItemResult) (bool, []*pb.Warning) {
	if !committed && !c.request.ValidateOnly {
		// Nothing was stored: the routes that would have been are no answer.
		for _, p := range items {
			p.Routes = nil
		}
		return false, nil
	}
	acknowledged, warnings := c.acknowledge(ctx)
	c.tellItems(ctx)
	if c.programmed && !c.request.ValidateOnly {
		c.states(ctx, items)
	}
	return acknowledged, warnings
}

// tellItems is tell for batches, where additions and removals may be mixed.
func (c *change) tellItems(ctx context.Context) {
	for _, s := range c.shown {
		if s.rec.Removed || s.item >= 0 && c.request.Items[s.item].Op == store.OpRemove {
			c.tellRemoved(ctx)
			return
		}
	}
	c.tell()
}

// states tells the worst state of each item's routes after the wait.
func (c *change) states(ctx context.Context, items []*pb.ItemResult) {
	for i, item := range c.result.Items {
		if item.Err == nil && i < len(items) {
			items[i].State = c.state(ctx, c.request.Items[i], items[i].Outcome, item.After)
		}
	}
}

// state is the worst state of an item's routes.
func (c *change) state(ctx context.Context, item store.Item, outcome pb.Outcome, left []routes.Record) pb.State {
	var worst []routes.NodeStatus
	for _, rec := range left {
		if rec.Removed {
			now, err := c.store.Get(context.WithoutCancel(ctx), rec.Route.Key())
			if routes.ReasonOf(err) == routes.NotFound || err == nil && !now.Removed {
				continue
			}
		}
		if nodes := c.fleet.Status(rec); len(nodes) > 0 || !rec.Removed {
			worst = append(worst, routes.Worst(nodes))
		}
	}
	alias := item.Selector.Interface
	if item.Op == store.OpAdd {
		alias = item.Route.Interface()
	}
	switch {
	case len(worst) > 0:
		return publicapi.State(routes.Worst(worst).State)
	case item.Op == store.OpRemove && outcome == pb.Outcome_OUTCOME_UNCHANGED: // there was nothing
		return pb.State_STATE_UNSPECIFIED
	case !c.view.facts(alias).Known: // the port's other names are not known, and it may be stored under one
		return pb.State_STATE_UNSPECIFIED
	}
	return pb.State_STATE_REMOVED
}
