package change

import (
	"context"
	"slices"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Remove removes routes: refused items are in the result, the error is for
// the change as a whole.
func Remove(ctx context.Context, o Options, items []Item) (Result, error) {
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	b := newBatch(len(items))
	var list []*pb.RouteSelector
	var revisions []uint64
	for i, item := range items {
		revision, refusal := item.ExpectedRevision.Revision()
		if refusal != nil {
			b.refuse(i, refusal)
			continue
		}
		list, revisions = append(list, item.selector()), append(revisions, revision)
		b.sent(i)
	}
	switch len(list) {
	case 0:
		return b.result, nil
	case 1:
		resp, err := o.Client.Routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{
			Selector: list[0], All: o.All, IfExists: o.IfExists, ExpectedRevision: revisions[0], RequestId: o.requestID(),
			ValidateOnly: o.ValidateOnly, Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf,
		})
		one, err := o.single(answer{resp.GetOutcome(), resp.GetRoutes(), resp.GetRevision(), resp.GetAcknowledged(), resp.GetReplayed()}, err)
		return b.merge(one, err)
	}
	if !slices.ContainsFunc(revisions, func(r uint64) bool { return r != 0 }) {
		revisions = nil
	}
	resp, err := o.Client.Routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{
		Selectors: list, ExpectedRevisions: revisions, All: o.All, IfExists: o.IfExists, Mode: pb.BatchMode_BATCH_MODE_PARTIAL,
		RequestId: o.requestID(), ValidateOnly: o.ValidateOnly, Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf, ReturnRoutes: true,
	})
	many, err := o.many(resp, err)
	return b.merge(many, err)
}
