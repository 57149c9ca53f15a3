package server

import (
	"context"
	"fmt"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// answer is what every change answers; calls for one route have one item, those
// of ApplyRoutes are its removals, then its upserts.
type answer = pb.BatchAddRoutesResponse

// run stores the change, or finds that its request id is known, waits as far
// as the caller asked, and answers what became of each item.
func (c *change) run(ctx context.Context) (*answer, error) {
	var a *answer
	c.request.Answer = func(res store.Result) []byte {
		a = c.build(res)
		return c.keep(a)
	}
	var err error
	if c.result, err = c.store.Apply(ctx, c.request); err != nil {
		c.setHealth()
		return nil, err
	}
	switch {
	case c.result.Replayed:
		if a, err = c.replay(ctx); err != nil {
			return nil, err
		}
	case a == nil:
		a = c.build(c.result)
	}
	c.found = map[routes.Key]int{}
	for i, item := range c.result.Items {
		for _, rec := range item.Before {
			c.found[rec.Route.Key()] = i
		}
	}
	a.Replayed = c.result.Replayed
	if !a.Committed && !c.request.ValidateOnly {
		// Nothing was stored: the routes that would have been are no answer.
		for _, p := range a.Items {
			p.Routes = nil
		}
		return a, nil
	}
	a.Acknowledged, a.Warnings = c.acknowledge(ctx)
	c.fill(ctx)
	if c.programmed && !c.request.ValidateOnly {
		for i, p := range a.Items {
			if p.Error == nil {
				p.State = c.state(ctx, i, p.Outcome)
			}
		}
	}
	return a, nil
}

// one carries out a call for one route: a refusal of the route refuses the call,
// and a warning about the call is a warning about the route.
func (c *change) one(ctx context.Context) (*answer, error) {
	c.form, c.returnRoutes = formOne, true
	if refused := c.request.Items[0].Refused; refused != nil && c.request.RequestID == "" {
		return nil, refused
	}
	a, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	if len(c.result.Items) != 1 {
		return nil, fmt.Errorf("the store answered %d results for one item", len(c.result.Items))
	}
	if refused := c.result.Items[0].Err; refused != nil {
		return nil, refused
	}
	for _, p := range a.Items[0].Routes {
		p.Warnings = append(p.Warnings, a.Warnings...)
	}
	return a, nil
}

// build makes the answer of what the store has done, without the statuses.
func (c *change) build(res store.Result) *answer {
	c.shown = nil
	a := &answer{Items: make([]*pb.ItemResult, len(res.Items)), Committed: res.Committed, Revision: uint64(res.Revision)}
	for i, item := range res.Items {
		p := &pb.ItemResult{Index: int32(i), Outcome: publicapi.Outcome(item.Outcome)}
		a.Items[i] = p
		if item.Err != nil {
			p.Error, p.Outcome = publicapi.Error(item.Err), pb.Outcome_OUTCOME_UNSPECIFIED
			continue
		}
		p.Warnings = publicapi.Warnings(c.warnings[i])
		if !c.returnRoutes {
			continue
		}
		if c.request.Items[i].Op == store.OpRemove {
			p.Routes = c.removed(item, i)
		} else {
			p.Routes = []*pb.Route{c.shownAs(current(item, c.request.Items[i].Route), i)}
		}
	}
	return a
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

// shownAs is a record as a route of the answer.
func (c *change) shownAs(rec routes.Record, item int) *pb.Route {
	p := new(pb.Route)
	c.show(p, rec, item)
	return p
}

// removed shows the routes that an item removed: as tombstones, where
// nodes have yet to prove, else as they were.
func (c *change) removed(item store.ItemResult, index int) []*pb.Route {
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
		out = append(out, c.shownAs(rec, index))
	}
	for _, rec := range item.After { // those that were being removed already
		if _, ok := tombs[rec.Route.Key()]; ok {
			out = append(out, c.shownAs(rec, index))
		}
	}
	return out
}

// show puts a record into a route of the answer, whose status is filled in last.
func (c *change) show(p *pb.Route, rec routes.Record, item int) {
	c.snapshot.records.Put(p, rec)
	if c.request.ValidateOnly { // what would be has none of these yet
		p.CreateTime, p.UpdateTime, p.CreatedBy = nil, nil, ""
	}
	c.shown = append(c.shown, shown{at: p, rec: rec, item: item})
}

// fill puts the statuses and warnings into the answer's routes.
func (c *change) fill(ctx context.Context) {
	for _, s := range c.shown {
		rec, gone := c.now(ctx, s.rec, s.item)
		if gone {
			s.at.State = pb.State_STATE_REMOVED
			continue
		}
		if rec != s.rec {
			c.snapshot.records.Put(s.at, rec)
		}
		if c.request.ValidateOnly {
			// What would be: the revision that no node has carried out yet.
			rec.Revision = c.store.Info().Version.Revision + 1
		}
		nodes := c.fleet.Status(rec)
		c.snapshot.records.Fill(s.at, rec, nodes)
		s.at.Warnings = nil
		if !rec.Removed {
			warnings := c.warnings[s.item]
			if len(warnings) == 0 {
				warnings = c.snapshot.warnings(rec.Route)
			}
			s.at.Warnings = publicapi.Warnings(withWinners(warnings, rec.Route, nodes))
		}
	}
}

// now reads a record of an item again where that may be over: REMOVING while a
// node has yet to prove the removal, gone once none has. One that was added
// again, or that a later item has changed, is as it is now.
func (c *change) now(ctx context.Context, rec routes.Record, item int) (now routes.Record, gone bool) {
	lasts := !rec.Removed && c.request.Items[item].Op != store.OpRemove && c.found[rec.Route.Key()] <= item
	if c.request.ValidateOnly || lasts {
		return rec, false
	}
	// The answer says what is stored, also where the call has ended meanwhile.
	now, err := c.store.Get(context.WithoutCancel(ctx), rec.Route.Key())
	switch {
	case routes.ReasonOf(err) == routes.NotFound:
		return rec, true
	case err != nil:
		return rec, false
	}
	return now, false
}

// state is the worst state of the routes of item i.
func (c *change) state(ctx context.Context, i int, outcome pb.Outcome) pb.State {
	var worst []routes.NodeStatus
	for _, rec := range c.result.Items[i].After {
		now, gone := c.now(ctx, rec, i)
		if gone || rec.Removed && !now.Removed {
			continue
		}
		if nodes := c.fleet.Status(now); len(nodes) > 0 || !now.Removed {
			worst = append(worst, routes.Worst(nodes))
		}
	}
	item := c.request.Items[i]
	alias := item.Selector.Interface
	if item.Op == store.OpAdd {
		alias = item.Route.Interface()
	}
	switch {
	case len(worst) > 0:
		return publicapi.State(routes.Worst(worst).State)
	case item.Op == store.OpRemove && outcome == pb.Outcome_OUTCOME_UNCHANGED: // there was nothing
		return pb.State_STATE_UNSPECIFIED
	case !c.snapshot.facts(alias).Known: // the port's other names are not known, and it may be stored under one
		return pb.State_STATE_UNSPECIFIED
	}
	return pb.State_STATE_REMOVED
}
