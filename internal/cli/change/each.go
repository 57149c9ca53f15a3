package change

import (
	"context"
	"sync"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// workers is how many calls are under way at once; the store commits them together.
const workers = 16

// one carries out one item; part counts the calls of a change from 0.
type one func(o Options, ctx context.Context, item Item, part int) (Result, error)

// each carries out items in calls of their own, then waits once for them all.
// Items of one destination keep their order, since they can conflict.
func (o Options) each(ctx context.Context, items []Item, carry one) (Result, error) {
	wait := o.Wait == pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED && !o.ValidateOnly
	ctx, cancel := o.deadline(ctx)
	defer cancel()
	stored := o
	stored.Wait = pb.Acknowledgement_ACKNOWLEDGEMENT_STORED
	results, err := stored.spread(ctx, items, carry)
	if err != nil {
		return Result{}, err
	}
	out := Result{Acknowledged: true}
	changed := false
	for _, r := range results {
		out.Add(r)
		changed = changed || r.Items[0].Err == nil
	}
	if !wait || !changed {
		return out, nil
	}
	if err := out.Await(ctx, o); err != nil {
		return Result{}, err
	}
	return out, nil
}

func (o Options) spread(ctx context.Context, items []Item, carry one) ([]Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lanes := make(chan []int)
	results := make([]Result, len(items))
	var wg sync.WaitGroup
	for range min(workers, len(items)) {
		wg.Go(func() {
			for lane := range lanes {
				for _, i := range lane {
					if ctx.Err() != nil {
						return
					}
					r, err := carry(o, ctx, items[i], i)
					if err != nil {
						cancel(err)
						return
					}
					results[i] = r
				}
			}
		})
	}
	for _, lane := range byDestination(items) {
		select {
		case lanes <- lane:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(lanes)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, asError(err)
	}
	return results, nil
}

// byDestination groups the places of items by destination, in the order given.
func byDestination(items []Item) [][]int {
	place := map[string]int{}
	var lanes [][]int
	for i, item := range items {
		name := item.Destination
		if p, err := routes.ParseDestination(name); err == nil {
			name = p.String()
		}
		n, ok := place[name]
		if !ok {
			n = len(lanes)
			place[name] = n
			lanes = append(lanes, nil)
		}
		lanes[n] = append(lanes[n], i)
	}
	return lanes
}
