package agent

import (
	"context"
	"reflect"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/linkwatch"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// linksPause is the time from a change to the reading of the links: pods
	// come and go in bursts, and the table, which reads for itself those that
	// routes use, goes before.
	linksPause = 200 * time.Millisecond
	// linksPeriod is how often the links are read without a cause.
	linksPeriod = time.Minute
	// linksPace bounds the share of time that this takes, since the kernel goes
	// through all of table main for it: after a reading of d, the next comes at the
	// earliest after this times d, or linksLate.
	linksPace = 4
	linksLate = 2 * time.Second
)

// watchLinks reads the links when they may have changed, and hands them to the
// loop when they have. The table watches only the links that routes use; the
// host wants to know the others too, for checks before the first route.
func (a *Agent) watchLinks(ctx context.Context) error {
	watch, err := linkwatch.Open(ctx)
	var changed <-chan struct{}
	if err == nil {
		changed = watch.C()
		defer func() { // it ends with ctx
			for range watch.C() {
			}
		}()
	} else {
		a.opts.Log.Warn("changes of links are noticed late", "error", err, "period", linksPeriod)
	}
	var known []kernel.Link
	for {
		begun := time.Now()
		now, err := a.opts.Kernel.Links(ctx)
		took := time.Since(begun)
		switch {
		case err != nil && ctx.Err() == nil:
			a.opts.Log.Error("read links", "error", err)
		case err == nil && !reflect.DeepEqual(now, known):
			known = now
			select {
			case a.links <- now:
			case <-ctx.Done():
			}
		}
		period := time.NewTimer(linksPeriod)
		select {
		case <-ctx.Done():
		case _, open := <-changed:
			if !open && ctx.Err() == nil {
				a.opts.Log.Warn("changes of links are noticed late", "error", watch.Err(), "period", linksPeriod)
				changed = nil
			}
			if err := pause(ctx, max(linksPause, min(linksPace*took-time.Since(begun), linksLate))); err != nil {
				return err
			}
		case <-a.look:
		case <-period.C:
		}
		period.Stop()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (a *Agent) lookAgain() {
	select {
	case a.look <- struct{}{}:
	default:
	}
}

// tellNICs are the node's links as the session's host is to know them.
func (a *Agent) tellNICs(s *session) []*pb.Nic {
	inUse := make(map[string]int32, len(a.facts))
	for _, nic := range a.facts {
		inUse[routes.FoldAlias(nic.Interface)] = nic.Link
	}
	return toNICs(a.nics, s.offered, inUse)
}

// nicsChanged has the session told, where it is of interest.
func (a *Agent) nicsChanged() {
	if a.current != nil {
		a.current.nicsDirty, a.current.dirty = true, true
	}
}
