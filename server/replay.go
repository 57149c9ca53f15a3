package server

import (
	"context"
	"fmt"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// replay makes the first answer to a request id one of today. What was done stays
// as it was answered: outcomes, refusals, revision. The routes come as they
// are now, which is what a caller who asks again wants to know.
func (c *change) replay(ctx context.Context) (*answer, error) {
	a, err := c.unpack(c.result.Replay)
	if err != nil {
		return nil, fmt.Errorf("read the first answer to request id %s: %w", c.request.RequestID, err)
	}
	if len(a.Items) != len(c.request.Items) {
		return nil, fmt.Errorf("the first answer to request id %s has %d items, the request %d", c.request.RequestID, len(a.Items), len(c.request.Items))
	}
	c.result.Revision = routes.Revision(a.Revision)
	c.result.Items, c.shown = make([]store.ItemResult, len(a.Items)), nil
	for i, item := range a.Items {
		c.warnings[i] = nil // of what was asked for, which may have changed since
		if item.Error != nil {
			c.result.Items[i].Err = publicapi.FromError(item.Error)
			continue
		}
		if err := c.again(ctx, i, item); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// again finds what an accepted item is about, as it is now.
func (c *change) again(ctx context.Context, i int, item *pb.ItemResult) error {
	list := item.Routes
	if asked := c.request.Items[i]; len(list) == 0 && asked.Refused == nil {
		var err error
		if list, err = c.asked(ctx, asked); err != nil {
			return err
		}
		if c.returnRoutes {
			item.Routes = list
		}
	}
	item.Warnings = nil
	for _, p := range list {
		r, err := publicapi.FromRoute(p)
		if err != nil {
			return fmt.Errorf("a route of the first answer to request id %s: %w", c.request.RequestID, err)
		}
		rec, err := c.store.Get(ctx, r.Key())
		switch {
		case routes.ReasonOf(err) == routes.NotFound:
			p.State = pb.State_STATE_REMOVED
			continue
		case err != nil:
			return err
		}
		if len(item.Routes) > 0 {
			c.show(p, rec, i)
		}
		if c.request.Items[i].Op == store.OpRemove && !rec.Removed {
			continue // added again since, which is nothing that the removal waits for
		}
		c.result.Items[i].After = append(c.result.Items[i].After, rec)
		if !rec.Removed {
			item.Warnings = publicapi.Warnings(c.snapshot.warnings(rec.Route))
		}
	}
	return c.leaving(ctx, i)
}

// leaving adds what a change of the next hop has left to be removed.
func (c *change) leaving(ctx context.Context, i int) error {
	item := c.request.Items[i]
	if item.Op != store.OpSet || !item.Change.NextHop.IsValid() {
		return nil
	}
	recs, _, err := c.store.List(ctx, selected(item.Selector))
	for _, rec := range recs {
		if rec.Removed && rec.Revision == c.result.Revision {
			c.result.Items[i].After = append(c.result.Items[i].After, rec)
		}
	}
	return err
}

// asked are the routes of an item whose answer has none: that which it adds or
// has changed, or what is left of those that its selector takes.
func (c *change) asked(ctx context.Context, item store.Item) ([]*pb.Route, error) {
	if item.Op == store.OpAdd {
		return []*pb.Route{publicapi.Route(item.Route)}, nil
	}
	sel := item.Selector
	if item.Change.NextHop.IsValid() {
		sel.NextHop = item.Change.NextHop
	}
	recs, _, err := c.store.List(ctx, selected(sel))
	if err != nil {
		return nil, err
	}
	if item.Op == store.OpSet && len(recs) > 1 {
		return nil, nil // it changed one of them, and none is better than another's
	}
	var list []*pb.Route
	for _, rec := range recs {
		list = append(list, publicapi.Route(rec.Route))
	}
	return list, nil
}
