package server

import (
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// add makes the item that adds a route, or refuses it. What the facts and the
// policy refuse today may be stored already: adding that again is a success.
func (c *change) add(p *pb.Route, force bool) {
	item := store.Item{Op: store.OpAdd, Force: force}
	var r routes.Route
	var warnings []routes.Warning
	err := guard(p)
	if err == nil {
		r, err = publicapi.FromRoute(p)
	}
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	} else if r, warnings, err = c.snapshot.check(r); err != nil {
		refusal := routes.AsError(err, routes.BadRequest)
		item.Check = func(routes.Route) *routes.Error { return refusal }
		warnings = c.snapshot.warnings(r)
	}
	item.Route = r
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, warnings)
}

// set makes the item that changes a route. The rules judge the route that would
// be made, except for a port that is gone: what is stored on it can still be
// changed, and waits.
func (c *change) set(p *pb.RouteChange) {
	item, err := c.changed(p)
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	} else {
		item.Check = c.changeable(c.snapshot.port(item.Selector.Interface), len(c.request.Items))
	}
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, nil)
}

// changeable checks what becomes of the route of item i.
func (c *change) changeable(p *port, i int) func(routes.Route) *routes.Error {
	return func(r routes.Route) *routes.Error {
		if p.facts.Known && !p.facts.Found {
			return nil
		}
		warnings, err := p.rules.Check(r)
		if err != nil {
			return routes.AsError(err, routes.BadRequest)
		}
		c.warnings[i] = warnings
		return nil
	}
}

// changed reads which route is to change, and how.
func (c *change) changed(p *pb.RouteChange) (item store.Item, err error) {
	item.Op = store.OpSet
	if err := guard(p); err != nil {
		return item, err
	}
	if item.Selector, err = c.snapshot.selector(p.GetSelector()); err != nil {
		return item, err
	}
	item.Change.ExpectedRevision = routes.Revision(p.GetExpectedRevision())
	if p.GetNewNextHop() == "" && p.Metric == nil {
		return item, &routes.Error{Reason: routes.BadRequest, Field: "metric", Problem: "nothing to change", Action: "Give a new next hop, a metric, or both"}
	}
	if p.GetNewNextHop() != "" {
		if item.Change.NextHop, err = routes.ParseNextHop(p.GetNewNextHop(), item.Selector.Interface); err != nil {
			return item, err
		}
	}
	if p.Metric != nil {
		if err := routes.CheckMetric(int64(p.GetMetric())); err != nil {
			return item, err
		}
		item.Change.Metric = p.GetMetric()
	}
	return item, nil
}

// remove makes the item that removes what a selector takes. It needs no facts:
// what is stored can always be removed.
func (c *change) remove(p *pb.RouteSelector, how routes.Removal) {
	item := store.Item{Op: store.OpRemove, Removal: how}
	err := guard(p)
	if err == nil {
		item.Selector, err = c.snapshot.selector(p)
	}
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	}
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, nil)
}
