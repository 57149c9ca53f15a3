package change

import (
	"context"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Set changes routes, each in a call of its own: refused items are in the
// result, the error is for the change as a whole.
func Set(ctx context.Context, o Options, items []Item) (Result, error) {
	if len(items) == 1 {
		ctx, cancel := o.deadline(ctx)
		defer cancel()
		return o.setOne(ctx, items[0], 0)
	}
	res, err := o.each(ctx, items, Options.setOne)
	if err != nil || o.Wait != pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED || o.ValidateOnly {
		return res, err
	}
	return res, o.refresh(ctx, res.Items)
}

func (o Options) setOne(ctx context.Context, item Item, part int) (Result, error) {
	metric, refusal := item.Metric.Metric()
	revision, bad := item.ExpectedRevision.Revision()
	if refusal == nil {
		refusal = bad
	}
	if refusal != nil {
		return Result{Items: []ItemResult{{Err: refusal}}, Acknowledged: true}, nil //nolint:nilerr // a refusal is an item's result
	}
	resp, err := o.Client.Routes.SetRoute(ctx, &pb.SetRouteRequest{
		Selector: item.selector(), NewNextHop: item.NewNextHop, Metric: metric, ExpectedRevision: revision,
		RequestId: o.requestID(part), ValidateOnly: o.ValidateOnly, Acknowledgement: o.Wait, Timeout: o.timeout(), OnBehalfOf: o.OnBehalfOf,
	})
	return o.single(answer{resp.GetOutcome(), some(resp.GetRoute()), resp.GetRevision(), resp.GetAcknowledged(), resp.GetReplayed()}, err)
}

// refreshChunk is how many routes one call reads again.
const refreshChunk = 500

// refresh reads the status of changed routes again, after the wait for all of them.
func (o Options) refresh(ctx context.Context, items []ItemResult) error {
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	type key struct{ iface, destination, nextHop string }
	byKey := map[key]*view.Route{}
	filter := &pb.RouteFilter{}
	flush := func() error {
		if len(filter.Destinations) == 0 {
			return nil
		}
		for token := ""; ; {
			resp, err := o.Client.Routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: filter, PageToken: token})
			if err != nil {
				return o.Client.Explain(err)
			}
			for _, p := range resp.GetRoutes() {
				if r := byKey[key{routes.FoldAlias(p.GetInterface()), p.GetDestination(), p.GetNextHop()}]; r != nil {
					outcome, warnings := r.Outcome, r.Warnings
					*r = view.FromRoute(p)
					r.Outcome, r.Warnings = outcome, warnings
				}
			}
			if token = resp.GetNextPageToken(); token == "" {
				filter = &pb.RouteFilter{}
				return nil
			}
		}
	}
	for i := range items {
		for j := range items[i].Routes {
			r := &items[i].Routes[j]
			byKey[key{routes.FoldAlias(r.Interface), r.Destination, r.NextHop}] = r
			if filter.Destinations = append(filter.Destinations, r.Destination); len(filter.Destinations) == refreshChunk {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}
