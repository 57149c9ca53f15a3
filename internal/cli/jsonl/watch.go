package jsonl

import (
	"context"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// pulse is how often a watch that lingers says that it lives: writing is the
// only way to notice that the reader left.
const pulse = 30 * time.Second

// watch writes events until the input ends, another request arrives or the
// program is interrupted, but not before the routes as they are were sent. One
// that lingers goes on after the end of the input.
func (s *session) watch(ctx context.Context, r *request) error {
	f, _ := r.Filter.proto()
	stream, cancel := context.WithCancel(ctx)
	events, errs := make(chan *pb.WatchRoutesResponse), make(chan error, 1)
	go s.follow(stream, &pb.WatchRoutesRequest{Filter: f, ChangesOnly: r.ChangesOnly}, events, errs)
	defer func() {
		cancel()
		for range events { // until follow is gone
		}
	}()
	synced, revision := false, uint64(0)
	requests, ended := s.requests, false
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return s.failed(ctx, r, <-errs)
			}
			revision = e.GetRevision()
			synced = synced || e.GetKind() == pb.WatchRoutesResponse_KIND_IN_SYNC
			if err := s.ofService(r); err != nil {
				return err
			}
			if err := s.write(eventLine{r.head("event"), view.FromEvent(e)}); err != nil {
				return err
			}
			// Many events at once, such as the current routes, leave together.
			if s.out.Buffered() > 0 && (synced || e.GetKind() != pb.WatchRoutesResponse_KIND_CURRENT) {
				if err := s.out.Flush(); err != nil {
					return err
				}
			}
		case next := <-requests:
			s.pending, requests = next, nil
			ended = next != nil || !r.Linger
		case <-ticker.C:
			if r.Linger {
				if err := s.write(progressLine{head: r.head("progress"), Phase: "reading"}); err != nil {
					return err
				}
				if err := s.out.Flush(); err != nil {
					return err
				}
			}
		}
		if synced && ended {
			return s.done(r, revision)
		}
	}
}

// follow sends the events of a watch, then its error; it closes events.
func (s *session) follow(ctx context.Context, req *pb.WatchRoutesRequest, events chan<- *pb.WatchRoutesResponse, errs chan<- error) {
	defer close(events)
	stream, err := s.Client.Routes.WatchRoutes(ctx, req)
	for err == nil {
		var e *pb.WatchRoutesResponse
		if e, err = stream.Recv(); err != nil {
			break
		}
		select {
		case events <- e:
		case <-ctx.Done():
		}
	}
	errs <- err
}
