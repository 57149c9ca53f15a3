package change

import (
	"context"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Remove removes routes: refused items are in the result, the error is for
// the change as a whole. Items with an expected revision take a call each.
func Remove(ctx context.Context, o Options, items []Item) (Result, error) {
	if len(items) == 1 {
		ctx, cancel := o.deadline(ctx)
		defer cancel()
		return o.removeOne(ctx, items[0], 0)
	}
	for _, item := range items {
		if item.ExpectedRevision != "" {
			return o.each(ctx, items, Options.removeOne)
		}
	}
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	list := make([]*pb.RouteSelector, 0, len(items))
	for _, item := range items {
		list = append(list, item.selector())
	}
	resp, err := o.Client.Routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{
		Selectors: list, All: o.All, IfExists: o.IfExists, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, RequestId: o.requestID(0), ValidateOnly: o.ValidateOnly,
		Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf, ReturnRoutes: true,
	})
	b := newBatch(len(items))
	for i := range items {
		b.sent(i)
	}
	many, err := o.many(resp, err)
	return b.merge(many, err)
}

func (o Options) removeOne(ctx context.Context, item Item, part int) (Result, error) {
	revision, refusal := item.ExpectedRevision.Revision()
	if refusal != nil {
		return Result{Items: []ItemResult{{Err: refusal}}, Acknowledged: true}, nil //nolint:nilerr // a refusal is an item's result
	}
	resp, err := o.Client.Routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{
		Selector: item.selector(), All: o.All, IfExists: o.IfExists, ExpectedRevision: revision, RequestId: o.requestID(part),
		ValidateOnly: o.ValidateOnly, Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf,
	})
	return o.single(answer{resp.GetOutcome(), resp.GetRoutes(), resp.GetRevision(), resp.GetAcknowledged(), resp.GetReplayed()}, err)
}
