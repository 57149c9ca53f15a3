package server

import (
	"context"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// answerMargin is what a wait leaves of the caller's deadline to answer in.
const answerMargin = 100 * time.Millisecond

// wait waits for the nodes until they have a revision, and tells what is late.
// It ends early with the caller's deadline or when the service stops: what is
// stored is stored, and the caller should hear so.
func (s *Server) wait(ctx context.Context, timeout time.Duration, rev routes.Revision, keys []routes.Key) (bool, []routes.Warning) {
	end := time.Now().Add(timeout)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-answerMargin).Before(end) {
		end = deadline.Add(-answerMargin)
	}
	ctx, cancel := s.untilStop(ctx)
	defer cancel()
	ctx, cancelWait := context.WithDeadline(ctx, end)
	defer cancelWait()
	waited := s.fleet.Wait(ctx, rev, keys)
	if waited.Reached {
		return true, nil
	}
	var warnings []routes.Warning
	for _, late := range waited.Late {
		warnings = append(warnings, notProgrammed(late))
	}
	if len(warnings) == 0 {
		warnings = []routes.Warning{{Code: routes.WarnNotProgrammed, Message: "stored, but not programmed in time"}}
	}
	return false, warnings
}

func notProgrammed(late routes.NodeStatus) routes.Warning {
	message := fmt.Sprintf("stored, but not programmed in time on %s: %s", late.Node, late.State)
	if late.Cause != "" {
		message += " (" + string(late.Cause) + ")"
	}
	if late.Detail != "" {
		message += ": " + late.Detail
	}
	return routes.Warning{
		Code: routes.WarnNotProgrammed, Message: message,
		Params: map[string]string{"node": late.Node, "state": string(late.State), "cause": string(late.Cause), "detail": late.Detail},
	}
}

// acknowledge waits as far as the caller asked. It is for changes that were
// committed; with validate_only there is nothing to wait for.
func (c *change) acknowledge(ctx context.Context) (bool, []*pb.Warning) {
	if !c.programmed || c.request.ValidateOnly {
		return true, nil
	}
	rev, keys := c.interest()
	if rev == 0 {
		return true, nil
	}
	reached, warnings := c.wait(ctx, c.timeout, rev, keys)
	return reached, wire.Warnings(warnings)
}

// interest is what the nodes must have carried out: the revision of the
// change, or of the routes that were so already.
func (c *change) interest() (rev routes.Revision, keys []routes.Key) {
	keys = make([]routes.Key, 0, len(c.result.Items))
	for _, item := range c.result.Items {
		if item.Err != nil {
			continue
		}
		for _, rec := range item.After {
			rev = max(rev, rec.Revision)
			keys = append(keys, rec.Route.Key())
		}
		for _, rec := range item.Before {
			rev = max(rev, c.result.Revision)
			keys = append(keys, rec.Route.Key())
		}
	}
	if c.result.Replayed {
		rev = c.result.Revision
		for _, s := range c.shown {
			keys = append(keys, s.rec.Route.Key())
		}
	}
	return rev, keys
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
	reached, warnings := s.wait(ctx, timeout, rev, nil)
	return &pb.WaitRoutesResponse{Acknowledged: reached, Revision: uint64(rev), Warnings: wire.Warnings(warnings)}, nil
}
