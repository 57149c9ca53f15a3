package change

import (
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// batch puts the results of the items that were sent among those that were
// refused before.
type batch struct {
	result Result
	places []int // place of each item that was sent
}

func newBatch(n int) *batch {
	return &batch{result: Result{Items: make([]ItemResult, n), Acknowledged: true}}
}

func (b *batch) refuse(i int, e *routes.Error) { b.result.Items[i].Err = e }

func (b *batch) sent(i int) { b.places = append(b.places, i) }

func (b *batch) merge(r Result, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	for n, item := range r.Items {
		if n < len(b.places) {
			b.result.Items[b.places[n]] = item
		}
	}
	b.result.Warnings, b.result.Acknowledged, b.result.Replayed, b.result.Revision = r.Warnings, r.Acknowledged, r.Replayed, r.Revision
	return b.result, nil
}

// batchResponse is what both batch calls answer with.
type batchResponse interface {
	GetItems() []*pb.ItemResult
	GetWarnings() []*pb.Warning
	GetRevision() uint64
	GetAcknowledged() bool
	GetReplayed() bool
}

// many makes the result of a batch call.
func (o Options) many(resp batchResponse, err error) (Result, error) {
	if err != nil {
		return Result{}, o.Client.Explain(err)
	}
	res := Result{
		Items: make([]ItemResult, 0, len(resp.GetItems())), Warnings: view.FromWarnings(resp.GetWarnings()), Revision: resp.GetRevision(),
		Acknowledged: resp.GetAcknowledged() || o.Wait != pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED || o.ValidateOnly,
		Replayed:     resp.GetReplayed(),
	}
	accepted := false
	for _, p := range resp.GetItems() {
		if p.GetError() != nil {
			res.Items = append(res.Items, ItemResult{Err: publicapi.FromError(p.GetError())})
			continue
		}
		accepted = true
		res.Items = append(res.Items, itemResult(p.GetOutcome(), p.GetRoutes(), p.GetWarnings()))
	}
	if !accepted {
		res.Acknowledged = true
	}
	return res, nil
}
