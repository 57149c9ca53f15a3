//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/lab/system"
	"github.com/hcsroute/hcsroute/routes"
)

// repairTimeout is when a route counts as not repaired.
const repairTimeout = 3 * time.Second

// rowRepair deletes routes one by one and waits for each to be back, with a
// subscription of our own, whose wake-up is part of the time.
func rowRepair(ctx context.Context, b *bench) ([]Line, error) {
	all, err := b.sites(ctx, 2)
	if err != nil {
		return nil, err
	}
	ours, bare := all[0], all[1]
	process, err := ours.startAgent(ctx)
	if err != nil {
		return nil, err
	}
	host, err := openSession(ctx, ours)
	if err != nil {
		return nil, err
	}
	var out []Line
	for _, f := range []family{v4, v6} {
		for _, size := range []int{b.large / 100, b.large} {
			set, err := f.routeSet(0, size)
			if err != nil {
				return nil, err
			}
			if _, err := host.push(set); err != nil {
				return nil, err
			}
			limit, err := b.bareRepairs(ctx, bare, set)
			if err != nil {
				return nil, err
			}
			got, missed, err := b.deleteMany(ctx, deleting{site: ours, set: set, protocol: system.Protocol})
			if err != nil {
				return nil, err
			}
			p50, p99 := got.median(), got.quantile(0.99)
			mine := tail("agent", got)
			mine.Text += ", max " + seconds(got.quantile(1))
			out = append(out, Line{
				Work: fmt.Sprintf("a hand-deleted %s route is back, table of %s", f, thousands(size)), Ours: mine, Limit: limit,
				Goal:    fmt.Sprintf("p50 ≤ 0.15 ms, p99 ≤ 1 ms, %d of %d", b.deletions, b.deletions),
				Reached: fmt.Sprintf("%d of %d", b.deletions-missed, b.deletions), Verdict: verdict(p50 <= 0.15e-3 && p99 <= 1e-3 && missed == 0),
			})
			if _, err := host.push(nil); err != nil {
				return nil, err
			}
		}
	}
	return out, errors.Join(host.close(), process.Stop(ctx))
}

// deleting says which routes are deleted by hand.
type deleting struct {
	site     *site
	set      []routes.Route
	protocol uint8
}

// deleteMany deletes routes all over the set, and measures from the request
// until the kernel says that the route is there again.
func (b *bench) deleteMany(ctx context.Context, d deleting) (got sample, missed int, err error) {
	c, err := d.site.dial(d.protocol)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	w, err := subscribeIn(d.site.ns, c.Port())
	if err != nil {
		return nil, 0, err
	}
	defer w.Close()
	list := entries(d.set, d.site.link)
	step := max(1, len(list)/b.deletions)
	for i := range b.deletions {
		e := list[(i*step)%len(list)]
		took, err := repaired(ctx, repairing{conn: c, watch: w, entry: e})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			missed++
		case err != nil:
			return nil, 0, err
		default:
			got.add(took)
		}
	}
	return got, missed, nil
}

type repairing struct {
	conn  *rtnl.Conn
	watch *rtnl.Watch
	entry routes.FIBEntry
}

// repaired deletes a route and waits until it is back.
func repaired(ctx context.Context, r repairing) (time.Duration, error) {
	if err := r.watch.SetDeadline(time.Now().Add(repairTimeout)); err != nil {
		return 0, err
	}
	return timed(func() error {
		if err := execute(ctx, r.conn, []rtnl.Op{{Kind: rtnl.Delete, Entry: r.entry}}); err != nil {
			return err
		}
		var events []rtnl.Event
		for {
			var err error
			if events, err = r.watch.Next(events[:0]); err != nil {
				return err
			}
			for _, e := range events {
				if e.Kind == rtnl.RouteAdded && e.Route.FIBEntry == r.entry {
					return nil
				}
			}
		}
	})
}

// bareRepairs is the least that a repair can take: a subscription that puts
// back whatever is reported deleted. It is in this process, which Go serves without
// the switch to another process that the agent's repairs cost.
func (b *bench) bareRepairs(ctx context.Context, s *site, set []routes.Route) (Figure, error) {
	c, err := s.dial(peerProtocol)
	if err != nil {
		return Figure{}, err
	}
	defer c.Close()
	if err := write(ctx, c, rtnl.Add, entries(set, s.link)); err != nil {
		return Figure{}, err
	}
	w, err := subscribeIn(s.ns, c.Port())
	if err != nil {
		return Figure{}, err
	}
	done := make(chan error, 1)
	go func() { done <- putBack(ctx, c, w) }()
	got, missed, err := b.deleteMany(ctx, deleting{site: s, set: set, protocol: peerProtocol})
	err = errors.Join(err, w.Close())
	if ended := <-done; !errors.Is(ended, os.ErrClosed) {
		err = errors.Join(err, ended)
	}
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d routes were not put back", missed)
	}
	f := tail("subscription + one add, no second process", got)
	return f, errors.Join(err, wipe(ctx, c, peerProtocol))
}

func putBack(ctx context.Context, c *rtnl.Conn, w *rtnl.Watch) error {
	var events []rtnl.Event
	for {
		var err error
		if events, err = w.Next(events[:0]); err != nil {
			return err
		}
		for _, e := range events {
			if e.Kind == rtnl.RouteDeleted {
				if err := execute(ctx, c, addOp(e.Route.FIBEntry)); err != nil {
					return err
				}
			}
		}
	}
}
