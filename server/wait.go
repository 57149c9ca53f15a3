package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// answerMargin is what a wait leaves of the caller's deadline to answer in.
const answerMargin = 100 * time.Millisecond

// wait waits until the nodes have a revision, and returns what is late. It ends
// early with the caller's deadline, with the caller's certificate or when the
// service stops: the change is stored by then, and the answer should say so.
func (s *Server) wait(ctx context.Context, timeout time.Duration, a fleet.Awaited) (bool, []*pb.Warning) {
	end := time.Now().Add(timeout)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-answerMargin).Before(end) {
		end = deadline.Add(-answerMargin)
	}
	ctx, cancel := s.untilStop(ctx)
	defer cancel()
	ctx, cancelWait := context.WithDeadline(ctx, end)
	defer cancelWait()
	waited := s.fleet.Wait(ctx, a)
	warnings := notProgrammed("but not %s in time", waited.Late)
	warnings = append(warnings, notProgrammed("and waits", waited.Waiting)...)
	return waited.Reached, publicapi.Warnings(warnings)
}

// notProgrammed makes one warning of the nodes for which the same holds. A %s in how
// stands for what is late.
func notProgrammed(how string, list []routes.NodeStatus) (warnings []routes.Warning) {
	nodes := make(map[routes.NodeStatus][]string)
	var order []routes.NodeStatus
	for _, n := range list {
		what := routes.NodeStatus{State: n.State, Cause: n.Cause, Detail: n.Detail}
		if _, known := nodes[what]; !known {
			order = append(order, what)
		}
		nodes[what] = append(nodes[what], n.Node)
	}
	for _, what := range order {
		done, due := "stored", "programmed"
		if what.State == routes.Removing {
			done, due = "removed", "gone from the kernel"
		}
		warnings = append(warnings, notProgrammedOn(done+", "+strings.Replace(how, "%s", due, 1), what, nodes[what]))
	}
	return warnings
}

// notProgrammedOn is the warning for nodes of which the same holds; the one without
// a name stands for none.
func notProgrammedOn(message string, n routes.NodeStatus, nodes []string) routes.Warning {
	if nodes[0] != "" {
		message += " on " + routes.Few(nodes)
	}
	message += ": " + string(n.State)
	if n.Cause != "" {
		message += " (" + string(n.Cause) + ")"
	}
	if n.Detail != "" {
		message += ": " + n.Detail
	}
	return routes.Warning{
		Code: routes.WarnNotProgrammed, Message: message,
		Params: map[string]string{"node": strings.Join(nodes, ", "), "state": string(n.State), "cause": string(n.Cause), "detail": n.Detail},
	}
}

// acknowledge waits as far as the caller asked. It is for changes that were
// committed; with validate_only there is nothing to wait for.
func (c *change) acknowledge(ctx context.Context) (bool, []*pb.Warning) {
	if !c.programmed || c.request.ValidateOnly {
		return true, nil
	}
	a := c.interest()
	if a.Revision == 0 || len(a.Keys)+len(a.Gone) == 0 {
		return true, nil
	}
	return c.wait(ctx, c.timeout, a)
}

// interest is what the nodes must have carried out: the revision of the change,
// or of the routes that were so already; of a replay, that which they have now.
func (c *change) interest() (a fleet.Awaited) {
	a.Keys = make([]routes.Key, 0, len(c.result.Items))
	for i, item := range c.result.Items {
		if item.Err != nil {
			continue
		}
		removal := c.request.Items[i].Op == store.OpRemove
		for _, rec := range item.After {
			a.Revision = max(a.Revision, rec.Revision)
			await(&a, rec)
		}
		for _, rec := range item.Before {
			a.Revision = max(a.Revision, c.result.Revision)
			if removal || !slices.ContainsFunc(item.After, func(r routes.Record) bool { return r.Route.Key() == rec.Route.Key() }) {
				a.Gone = append(a.Gone, rec.Route.Key())
			}
		}
	}
	return a
}

// await adds that a record is carried out.
func await(a *fleet.Awaited, rec routes.Record) {
	if rec.Removed {
		a.Gone = append(a.Gone, rec.Route.Key())
	} else {
		a.Keys = append(a.Keys, rec.Route.Key())
	}
}

// WaitRoutes waits until what is stored up to a revision is programmed.
func (s *routeService) WaitRoutes(ctx context.Context, req *pb.WaitRoutesRequest) (*pb.WaitRoutesResponse, error) {
	timeout, err := waitTime(req.GetTimeout())
	if err != nil {
		return nil, err
	}
	now := s.store.Info().Version.Revision
	rev := routes.Revision(req.GetRevision())
	if rev == 0 {
		rev = now
	}
	if rev > now {
		return nil, &routes.Error{
			Reason: routes.BadRequest, Field: "revision", Value: fmt.Sprint(rev), Problem: fmt.Sprintf("the store is at revision %d", now),
			Action: "Wait for a revision that a change has returned, or for 0: all until now",
		}
	}
	awaited := fleet.Awaited{Revision: rev}
	if len(req.GetRoutes()) > 0 {
		if err := s.awaitStored(ctx, &awaited, req.GetRoutes()); err != nil {
			return nil, err
		}
		if len(awaited.Keys)+len(awaited.Gone) == 0 {
			return &pb.WaitRoutesResponse{Acknowledged: true, Revision: uint64(rev)}, nil
		}
	}
	reached, warnings := s.wait(ctx, timeout, awaited)
	if !reached && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return &pb.WaitRoutesResponse{Acknowledged: reached, Revision: uint64(rev), Warnings: warnings}, nil
}

// awaitStored adds what is stored, or being removed, of the routes that are named.
func (s *routeService) awaitStored(ctx context.Context, a *fleet.Awaited, list []*pb.RouteSelector) error {
	if err := checkCount("routes", len(list)); err != nil {
		return err
	}
	snap := s.snapshot()
	for _, p := range list {
		if err := guard(p); err != nil {
			return err
		}
		sel, err := snap.selector(p)
		if err != nil {
			return err
		}
		if !sel.NextHop.IsValid() {
			return &routes.Error{Reason: routes.BadRequest, Field: "next_hop", Problem: "needed: each selector names one route"}
		}
		key := routes.Key{Interface: routes.FoldAlias(sel.Interface), Destination: sel.Destination, NextHop: sel.NextHop}
		rec, err := s.store.Get(ctx, key)
		switch {
		case routes.ReasonOf(err) == routes.NotFound:
		case err != nil:
			return err
		default:
			await(a, rec)
		}
	}
	return nil
}
