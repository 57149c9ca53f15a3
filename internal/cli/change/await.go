package change

import (
	"context"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Await waits until the nodes have what is stored of routes up to a revision.
// All calls that it takes share the one timeout; the warnings name the nodes
// that are late, and those that cannot have the routes yet.
func Await(ctx context.Context, o Options, revision uint64, list []view.Route) (acknowledged bool, warnings []view.Warning, err error) {
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	end := time.Now().Add(o.Timeout)
	acknowledged = true
	for part := range slices.Chunk(list, MaxBatch) {
		o.Timeout = time.Until(end)
		req := &pb.WaitRoutesRequest{Revision: revision, Timeout: o.timeout()}
		for _, r := range part {
			req.Routes = append(req.Routes, &pb.RouteSelector{Interface: r.Interface, Destination: r.Destination, NextHop: r.NextHop})
		}
		resp, err := o.Client.Routes.WaitRoutes(ctx, req)
		if err != nil {
			return false, nil, o.Client.Explain(err)
		}
		acknowledged = acknowledged && resp.GetAcknowledged()
		for _, w := range view.FromWarnings(resp.GetWarnings()) {
			warnings = appendNew(warnings, w)
		}
	}
	return acknowledged, warnings, nil
}

// Await waits for all that a change has stored.
func (r *Result) Await(ctx context.Context, o Options) (err error) {
	var list []view.Route
	for _, item := range r.Items {
		list = append(list, item.Routes...)
	}
	acknowledged, warnings, err := Await(ctx, o, r.Revision, list)
	r.Acknowledged, r.Warnings = acknowledged, append(r.Warnings, warnings...)
	return err
}
