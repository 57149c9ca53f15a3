package server

import (
	"cmp"
	"context"
	"runtime"

	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// watchPage is how many current routes are read at a time at most, so that a
// slow reader holds neither a read transaction nor memory.
const watchPage = 500

// watch is one watcher. It pulls from the store and the fleet as fast as its
// reader takes events, and keeps no queue.
type watch struct {
	*Server
	filter      filter
	changesOnly bool
	send        func(*pb.WatchRoutesResponse) error

	sentTo   store.Position // the last event
	position uint64         // of the fleet's changes
	// ahead are the routes that changed while the current ones were read, with
	// the revision that was sent already.
	ahead   map[routes.Key]routes.Revision
	aheadTo routes.Revision
}

// WatchRoutes streams the routes as they are, then every change of route or status.
func (s *routeService) WatchRoutes(req *pb.WatchRoutesRequest, stream grpc.ServerStreamingServer[pb.WatchRoutesResponse]) error {
	ctx := stream.Context()
	f, err := s.readFilter(ctx, s.snapshot(), req.GetFilter())
	if err != nil {
		return err
	}
	w := &watch{Server: s.Server, filter: f, changesOnly: req.GetChangesOnly(), send: stream.Send}
	if err := w.start(ctx, routes.Revision(req.GetAfterRevision())); err != nil {
		return err
	}
	return w.follow(ctx)
}

// start begins after a revision, or with the current routes.
func (w *watch) start(ctx context.Context, after routes.Revision) error {
	if after == 0 {
		return w.sendCurrent(ctx)
	}
	_, _, w.position, _ = w.fleet.StatusChanges(0)
	w.sentTo = store.Position{Revision: after}
	return nil
}

// reset starts again when events were lost.
func (w *watch) reset(ctx context.Context) error {
	if err := w.send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_RESET, Revision: uint64(w.store.Info().Version.Revision)}); err != nil {
		return err
	}
	return w.sendCurrent(ctx)
}

// sendCurrent sends the routes as they are, page by page; the first page is one
// route, which does not wait for those behind it. Those that change meanwhile
// are remembered, so that none is sent twice.
func (w *watch) sendCurrent(ctx context.Context) error {
	_, _, w.position, _ = w.fleet.StatusChanges(0)
	w.sentTo = w.store.Info().Position()
	w.ahead, w.aheadTo = map[routes.Key]routes.Revision{}, w.sentTo.Revision
	q := w.filter.query
	q.Tombstones, q.Limit, q.After = false, 1, routes.Key{}
	for {
		recs, more, err := w.store.List(ctx, q)
		if err != nil {
			return err
		}
		snap := w.snapshot() // the ports may change while a slow reader reads
		for _, rec := range recs {
			if !w.filter.takes(rec) {
				continue
			}
			if rec.Revision > w.sentTo.Revision {
				w.ahead[rec.Route.Key()] = rec.Revision
				w.aheadTo = max(w.aheadTo, rec.Revision)
			}
			if err := w.sendRoute(snap, pb.WatchRoutesResponse_KIND_CURRENT, rec); err != nil {
				return err
			}
		}
		if !more || len(recs) == 0 {
			break
		}
		runtime.Gosched() // to grpc's writer, which flushes when it has caught up
		q.After, q.Limit = recs[len(recs)-1].Route.Key(), min(2*q.Limit, watchPage)
	}
	return w.send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_IN_SYNC, Revision: uint64(w.sentTo.Revision)})
}

// follow sends events until the caller leaves or the service stops.
func (w *watch) follow(ctx context.Context) error {
	for {
		stored := w.store.Changed()
		if err := w.sendChanges(ctx); err != nil {
			return err
		}
		changed, err := w.sendStatuses(ctx)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stored:
		case <-changed:
		}
	}
}

// sendChanges sends what was stored since the last time: changes, and proofs
// between them.
func (w *watch) sendChanges(ctx context.Context) error {
	events, ok := w.store.Since(w.sentTo)
	if !ok {
		return w.reset(ctx)
	}
	for _, event := range events {
		snap, send := w.snapshot(), w.sendChange
		if event.Proofs > 0 {
			send = w.sendProved
		}
		for _, change := range event.Changes {
			if err := send(snap, event, change); err != nil {
				return err
			}
		}
		w.sentTo = event.Position()
	}
	if w.sentTo.Revision >= w.aheadTo {
		w.ahead = nil // all that was ahead has been passed
	}
	return ctx.Err()
}

func (w *watch) sendChange(snap *snapshot, event store.Event, change store.Change) error {
	before, after := live(change.Before), live(change.After)
	rec := after
	if rec == nil {
		rec = before
	}
	if rec == nil {
		return nil // a tombstone that came to its end
	}
	// A route that leaves the filter is sent too: the reader must not believe
	// that it is as it was.
	if !w.filter.takesAll(*rec) && (before == nil || !w.filter.takesAll(*before)) {
		return nil
	}
	if w.ahead[rec.Route.Key()] >= event.Version.Revision {
		return nil
	}
	msg := &pb.WatchRoutesResponse{Revision: uint64(event.Version.Revision)}
	switch {
	case after == nil:
		msg.Kind, msg.Route = pb.WatchRoutesResponse_KIND_REMOVED, snap.showRemoved(event, change)
	case before == nil:
		msg.Kind, msg.Route = pb.WatchRoutesResponse_KIND_ADDED, snap.show(*after, false)
	default:
		msg.Kind, msg.Route, msg.Previous = pb.WatchRoutesResponse_KIND_UPDATED, snap.show(*after, false), publicapi.Route(before.Route)
		msg.Previous.Revision = uint64(before.Revision)
	}
	return w.send(msg)
}

// showRemoved shows a route that was removed: REMOVED where the store waits for
// no proof. Else the proof is an event of its own, and nothing is REMOVED before
// it: nodes that have shown the route gone may have to show it again.
func (s *snapshot) showRemoved(event store.Event, change store.Change) *pb.Route {
	rec := *change.Before
	rec.Removed, rec.Revision = true, event.Version.Revision
	if change.After == nil {
		return s.records.Convert(rec, nil, false)
	}
	p := s.show(rec, false)
	if p.State == pb.State_STATE_REMOVED {
		p.State = pb.State_STATE_REMOVING
	}
	return p
}

// sendProved sends the end of a removal, unless the route is back already and the
// reader knows it.
func (w *watch) sendProved(snap *snapshot, _ store.Event, change store.Change) error {
	rec := *change.Before
	if w.changesOnly || w.ahead[rec.Route.Key()] > rec.Revision || !w.filter.takesAll(rec) {
		return nil
	}
	p := snap.records.Convert(rec, nil, false)
	if !w.filter.takesStatus(p) {
		return nil
	}
	return w.send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_STATUS, Route: p, Revision: uint64(w.sentTo.Revision)})
}

func live(rec *routes.Record) *routes.Record {
	if rec == nil || rec.Removed {
		return nil
	}
	return rec
}

// sendStatuses sends the routes whose status may have changed.
func (w *watch) sendStatuses(ctx context.Context) (changed <-chan struct{}, err error) {
	keys, all, next, changed := w.fleet.StatusChanges(w.position)
	if next == w.position || w.changesOnly {
		w.position = next
		return changed, nil
	}
	w.position = next
	snap := w.snapshot()
	if all {
		var sendErr error
		_, err := w.scan(ctx, w.filter, watchPage, func(rec routes.Record) bool {
			sendErr = w.sendStatus(snap, rec)
			return sendErr == nil
		})
		return changed, cmp.Or(sendErr, err)
	}
	for _, key := range keys {
		rec, getErr := w.store.Get(ctx, key)
		if routes.ReasonOf(getErr) == routes.NotFound {
			continue // if it was being removed, its proof is an event
		}
		if getErr != nil {
			return nil, getErr
		}
		if err := w.sendStatus(snap, rec); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// sendStatus sends a route's status, except for a route whose change is still to be sent.
func (w *watch) sendStatus(snap *snapshot, rec routes.Record) error {
	if rec.Revision > max(w.sentTo.Revision, w.ahead[rec.Route.Key()]) || !w.filter.takesAll(rec) {
		return nil
	}
	return w.sendRoute(snap, pb.WatchRoutesResponse_KIND_STATUS, rec)
}

// sendRoute sends a record that the store has. It is never REMOVED: see showRemoved.
func (w *watch) sendRoute(snap *snapshot, kind pb.WatchRoutesResponse_Kind, rec routes.Record) error {
	p := snap.show(rec, false)
	if !w.filter.takesStatus(p) || p.GetState() == pb.State_STATE_REMOVED {
		return nil
	}
	return w.send(&pb.WatchRoutesResponse{Kind: kind, Route: p, Revision: uint64(w.sentTo.Revision)})
}
