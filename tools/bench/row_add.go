//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// rowAdd measures single adds, each next to the bare floor: one durable bbolt
// put, one synced append, one netlink add in each namespace, two round trips.
func rowAdd(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.pair(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := b.sites(ctx, 2)
	if err != nil {
		return nil, err
	}
	floor, err := newFloor(b, p, nodes)
	if err != nil {
		return nil, err
	}
	set, err := v4.routeSet(2*b.large, b.adds)
	if err != nil {
		return nil, err
	}
	alone, err := v4.routeSet(3*b.large, b.adds)
	if err != nil {
		return nil, err
	}
	var ours, bare, stored sample
	parts := make([]sample, len(floor.parts))
	for i, r := range set {
		steps := []func() error{
			func() error {
				d, err := p.addOne(ctx, r)
				ours.add(d)
				return err
			},
			func() error { return floor.run(ctx, r, &bare, parts) },
			func() error {
				d, err := p.addStored(ctx, alone[i])
				stored.add(d)
				return errors.Join(err, p.converged(ctx))
			},
		}
		// In turns, so that neither always follows the other.
		for k := range steps {
			if err := steps[(i+k)%len(steps)](); err != nil {
				return nil, err
			}
		}
	}
	if err := p.expect(ctx, len(set)+len(alone)); err != nil {
		return nil, err
	}
	if err := p.removeAll(ctx, append(set, alone...)); err != nil {
		return nil, err
	}
	limit := tail("bare floor", bare)
	limit.Text += " ("
	for i, part := range floor.parts {
		if i > 0 {
			limit.Text += ", "
		}
		limit.Text += part.name + " " + seconds(parts[i].median())
	}
	limit.Text += ")"
	ratio50, ratio99 := ours.median()/bare.median(), ours.quantile(0.99)/bare.quantile(0.99)
	return []Line{{
		Work: "one add: RPC → durable → both kernels → read back → answer", Ours: tail("AddRoute", ours), Limit: limit,
		Peers: []Figure{tail("the same acknowledged at STORED", stored)},
		Goal:  "p50 and p99 ≤ 1.5 × the floor", Reached: fmt.Sprintf("p50 %.2f ×, p99 %.2f ×", ratio50, ratio99), Verdict: verdict(ratio50 <= 1.5 && ratio99 <= 1.5),
	}}, nil
}

// addOne adds one route and waits until both kernels have it.
func (p *pair) addOne(ctx context.Context, r routes.Route) (time.Duration, error) {
	req := &pb.AddRouteRequest{Route: message(r), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(time.Minute)}
	return timed(func() error {
		res, err := p.client.AddRoute(ctx, req)
		if err == nil && !res.Acknowledged {
			err = fmt.Errorf("%v is not programmed: %v", r, res.Route)
		}
		return err
	})
}

// addStored adds one route and waits until it is durable on the host.
func (p *pair) addStored(ctx context.Context, r routes.Route) (time.Duration, error) {
	req := &pb.AddRouteRequest{Route: message(r), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_STORED}
	return timed(func() error {
		_, err := p.client.AddRoute(ctx, req)
		return err
	})
}

// floor is what one add costs at the least.
type floor struct {
	disk  *bareDisk
	nodes []*site
	conns []*rtnl.Conn
	bare  pb.RouteServiceClient
	parts []floorPart
}

type floorPart struct {
	name string
	run  func(context.Context, routes.Route) error
}

func newFloor(b *bench, p *pair, nodes []*site) (*floor, error) {
	disk, err := openBareDisk(b)
	if err != nil {
		return nil, err
	}
	f := &floor{disk: disk, nodes: nodes, bare: p.bare}
	for _, s := range nodes {
		c, err := s.dial(peerProtocol)
		if err != nil {
			return nil, err
		}
		b.closers = append(b.closers, c.Close)
		f.conns = append(f.conns, c)
	}
	f.parts = []floorPart{
		{"bbolt put", func(_ context.Context, r routes.Route) error { return f.disk.put(r) }},
		{"append + fdatasync", func(context.Context, routes.Route) error { return f.disk.append() }},
		{"two netlink adds", f.program},
		{"two gRPC round trips", f.trips},
	}
	return f, nil
}

func (f *floor) program(ctx context.Context, r routes.Route) error {
	for i, c := range f.conns {
		if err := execute(ctx, c, addOp(entries([]routes.Route{r}, f.nodes[i].link)[0])); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) trips(ctx context.Context, _ routes.Route) error {
	for range 2 {
		if _, err := f.bare.GetRoute(ctx, &pb.GetRouteRequest{}); err != nil {
			return err
		}
	}
	return nil
}

func (f *floor) run(ctx context.Context, r routes.Route, whole *sample, parts []sample) error {
	start := time.Now()
	for i, p := range f.parts {
		d, err := timed(func() error { return p.run(ctx, r) })
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		parts[i].add(d)
	}
	whole.add(time.Since(start))
	return nil
}
