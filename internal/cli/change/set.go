package change

import (
	"context"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Set changes routes: refused items are in the result, the error is for the
// change as a whole.
func Set(ctx context.Context, o Options, items []Item) (Result, error) {
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	b := newBatch(len(items))
	var list []*pb.RouteChange
	for i, item := range items {
		c, refusal := item.routeChange()
		if refusal != nil {
			b.refuse(i, refusal)
			continue
		}
		list = append(list, c)
		b.sent(i)
	}
	switch len(list) {
	case 0:
		return b.result, nil
	case 1:
		c := list[0]
		resp, err := o.Client.Routes.SetRoute(ctx, &pb.SetRouteRequest{
			Selector: c.GetSelector(), NewNextHop: c.GetNewNextHop(), Metric: c.Metric, ExpectedRevision: c.GetExpectedRevision(),
			RequestId: o.requestID(), ValidateOnly: o.ValidateOnly, Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf,
		})
		one, err := o.single(answer{resp.GetOutcome(), some(resp.GetRoute()), resp.GetRevision(), resp.GetAcknowledged(), resp.GetReplayed()}, err)
		return b.merge(one, err)
	}
	resp, err := o.Client.Routes.BatchSetRoutes(ctx, &pb.BatchSetRoutesRequest{
		Changes: list, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, RequestId: o.requestID(), ValidateOnly: o.ValidateOnly,
		Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf, ReturnRoutes: true,
	})
	many, err := o.many(resp, err)
	return b.merge(many, err)
}

// routeChange is the API's form of what Set does.
func (i Item) routeChange() (*pb.RouteChange, *routes.Error) {
	metric, refusal := i.Metric.Metric()
	if refusal != nil {
		return nil, refusal
	}
	revision, refusal := i.ExpectedRevision.Revision()
	if refusal != nil {
		return nil, refusal
	}
	return &pb.RouteChange{Selector: i.selector(), NewNextHop: i.NewNextHop, Metric: metric, ExpectedRevision: revision}, nil
}
