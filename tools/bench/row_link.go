//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// loss is a way to lose all routes of a link, and what brings it back.
type loss struct {
	name       string
	lose, undo func(*site, family) error
}

// losses are those of a family: in IPv6 routes outlive the address whose
// network their next hop is in.
func losses(f family) []loss {
	link := loss{"link down and up", func(s *site, _ family) error { return s.ns.SetDown(nodeLink) }, func(s *site, _ family) error { return s.ns.SetUp(nodeLink) }}
	if f == v6 {
		return []loss{link}
	}
	return []loss{link, {"address gone and back", func(s *site, f family) error { return s.ns.DelAddress(nodeLink, s.address(f)) },
		func(s *site, f family) error { return s.ns.AddAddress(nodeLink, lab.Address{Prefix: s.address(f)}) }}}
}

// rowLink takes away what the routes stand on, which in IPv4 takes them away
// without a word, and measures from its return until all routes are back.
func rowLink(ctx context.Context, b *bench) ([]Line, error) {
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
	conn, err := ours.ours()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var out []Line
	for _, f := range []family{v4, v6} {
		set, err := f.routeSet(0, b.small)
		if err != nil {
			return nil, err
		}
		if _, err := host.push(set); err != nil {
			return nil, err
		}
		limit, err := bareContender(bare, set)
		if err != nil {
			return nil, err
		}
		for _, l := range losses(f) {
			list := []contender{{name: l.name, run: func(ctx context.Context) (time.Duration, error) {
				return ours.lose(ctx, losing{loss: l, family: f, conn: conn, want: len(set)})
			}}, limit}
			got, err := race(ctx, b.Rounds, list...)
			if err != nil {
				return nil, err
			}
			out = append(out, Line{
				Work: fmt.Sprintf("%s with %s routes on it", l.name, title(len(set), f)), Ours: figure("agent", got[l.name]), Limit: figure(bareName, got[bareName]),
				Goal: "all back ≤ 50 ms", Reached: "max " + seconds(got[l.name].quantile(1)), Verdict: verdict(got[l.name].quantile(1) <= 0.050),
			})
		}
		if _, err := host.push(nil); err != nil {
			return nil, err
		}
	}
	return out, errors.Join(host.close(), process.Stop(ctx))
}

// address is the node's, of a family, on the link.
func (s *site) address(f family) (found netip.Prefix) {
	for _, a := range s.node.NICs[0].Addresses {
		if a.Addr().Is4() == (f == v4) {
			found = a
		}
	}
	return found
}

type losing struct {
	loss   loss
	family family
	conn   *rtnl.Conn
	want   int
}

// lose takes the routes away and brings them back.
func (s *site) lose(ctx context.Context, l losing) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	size, err := openTableSize(s.ns, l.family)
	if err != nil {
		return 0, err
	}
	defer size.close()
	before, err := size.read()
	if err != nil {
		return 0, err
	}
	if err := l.loss.lose(s, l.family); err != nil {
		return 0, err
	}
	gone, err := count(ctx, l.conn, system.Protocol)
	if err != nil || gone != 0 {
		return 0, errors.Join(err, fmt.Errorf("%d routes are left after %s", gone, l.loss.name))
	}
	// As an operator with a cable in the hand: the agent has come to rest.
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return 0, err
	}
	if err := s.undo(l); err != nil {
		return 0, err
	}
	// The size of the table shows cheaply when all but the last few are back,
	// and a count that begins then proves that the others were right behind.
	// Only where it does not is the time of counting a part of ours.
	start := time.Now()
	if err := size.reach(ctx, before-kernelEntries); err != nil {
		return 0, err
	}
	took := time.Since(start)
	n, err := count(ctx, l.conn, system.Protocol)
	if err == nil && n < l.want {
		err = awaitCount(ctx, l.conn, l.want)
		took = time.Since(start)
	}
	if err != nil {
		return 0, err
	}
	// Whatever the kernel still has to say about the link: the routes stay.
	if err := pause(ctx, 1200*time.Millisecond); err != nil {
		return 0, err
	}
	return took, expect(ctx, s.ns, system.Protocol, l.want)
}

// kernelEntries is more than the routes that the kernel itself makes for a
// link, and may make later than we ours.
const kernelEntries = 16

// awaitCount waits until the kernel has as many of our routes.
func awaitCount(ctx context.Context, c *rtnl.Conn, want int) error {
	for {
		n, err := count(ctx, c, system.Protocol)
		if err != nil || n >= want {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d routes are back: %w", n, want, err)
		}
	}
}

// undo brings the link's network back, and returns with the event that allows
// the routes: its connected route is there. In IPv6 the kernel makes that only
// with the carrier, which it notices up to a second after the link is up.
func (s *site) undo(l losing) error {
	w, err := subscribeIn(s.ns, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := errors.Join(w.SetDeadline(time.Now().Add(repairTimeout)), l.loss.undo(s, l.family)); err != nil {
		return err
	}
	network := s.address(l.family).Masked()
	var events []rtnl.Event
	for {
		if events, err = w.Next(events[:0]); err != nil {
			return fmt.Errorf("wait for the connected route %s: %w", network, err)
		}
		for _, e := range events {
			if e.Kind == rtnl.RouteAdded && e.Route.Destination == network {
				return nil
			}
		}
	}
}
