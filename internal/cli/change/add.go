package change

import (
	"context"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// Add stores routes: refused items are in the result, the error is for the
// change as a whole.
func Add(ctx context.Context, o Options, items []Item) (Result, error) {
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	b := newBatch(len(items))
	var list []*pb.Route
	for i, item := range items {
		metric, refusal := item.Metric.Metric()
		if refusal != nil {
			b.refuse(i, refusal)
			continue
		}
		list = append(list, &pb.Route{Interface: item.Interface, Destination: item.Destination, NextHop: item.NextHop, Metric: metric})
		b.sent(i)
	}
	switch len(list) {
	case 0:
		return b.result, nil
	case 1:
		resp, err := o.Client.Routes.AddRoute(ctx, &pb.AddRouteRequest{
			Route: list[0], Force: o.Force, RequestId: o.requestID(), ValidateOnly: o.ValidateOnly,
			Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf,
		})
		one, err := o.single(answer{resp.GetOutcome(), some(resp.GetRoute()), resp.GetRevision(), resp.GetAcknowledged(), resp.GetReplayed()}, err)
		return b.merge(one, err)
	}
	resp, err := o.Client.Routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{
		Routes: list, Force: o.Force, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, RequestId: o.requestID(), ValidateOnly: o.ValidateOnly,
		Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf, ReturnRoutes: true,
	})
	many, err := o.many(resp, err)
	return b.merge(many, err)
}

func some(r *pb.Route) []*pb.Route {
	if r == nil {
		return nil
	}
	return []*pb.Route{r}
}
