package server

import (
	"context"
	"maps"
	"slices"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// found remembers a tombstone of the store until it is proved. One that is newer
// than what the reader knows comes as an event.
func (w *watch) found(rec routes.Record) {
	if rec.Revision <= w.revision && w.filter.takes(rec) {
		w.remember(&rec)
	}
}

func (w *watch) remember(tombstone *routes.Record) {
	if w.changesOnly {
		return
	}
	if w.removing == nil {
		w.removing = map[routes.Key]*routes.Record{}
	}
	w.removing[tombstone.Route.Key()] = tombstone
}

// resumeRemoving remembers the removals under way: the reader may know them from
// the watch before.
func (w *watch) resumeRemoving(ctx context.Context) error {
	if w.changesOnly || w.store.Info().Removing == 0 {
		return nil
	}
	_, err := w.scan(ctx, w.filter, watchPage, func(rec routes.Record) bool {
		if rec.Removed {
			w.found(rec)
		}
		return true
	})
	return err
}

// showRemoved shows a route that was removed: REMOVED where the store waits for
// no proof, or has it by now.
func (w *watch) showRemoved(ctx context.Context, v *view, event store.Event, change store.Change) (*pb.Route, error) {
	rec := *change.Before
	rec.Removed, rec.Revision = true, event.Version.Revision
	if change.After == nil {
		return v.records.Convert(rec, nil, false), nil
	}
	_, err := w.store.Get(ctx, rec.Route.Key())
	switch {
	case routes.ReasonOf(err) == routes.NotFound:
		return v.records.Convert(rec, nil, false), nil
	case err != nil:
		return nil, err
	}
	w.remember(change.After)
	p := v.show(rec, false)
	if p.State == pb.State_STATE_REMOVED {
		p.State = pb.State_STATE_REMOVING
	}
	return p, nil
}

// sendProved sends the removals that the store has the proof of, each once. The
// store is asked only after a proof: what a stopped node has yet to show may
// wait for long, while routes come and go.
func (w *watch) sendProved(ctx context.Context) error {
	if len(w.removing) == 0 || !w.proved.Swap(false) {
		return nil
	}
	// In order, since the store finds neighbours faster.
	keys := slices.SortedFunc(maps.Keys(w.removing), routes.Key.Compare)
	has, err := w.store.Has(ctx, keys)
	if err != nil {
		return err
	}
	v := w.view()
	for i, key := range keys {
		if has[i] {
			continue // a node has yet to prove, or the route is back
		}
		p := v.records.Convert(*w.removing[key], nil, false)
		delete(w.removing, key)
		if !w.filter.takesState(p) {
			continue
		}
		if err := w.send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_STATUS, Route: p, Revision: uint64(w.revision)}); err != nil {
			return err
		}
	}
	if len(w.removing) == 0 {
		w.removing = nil // a map that was emptied keeps its memory
	}
	return nil
}
