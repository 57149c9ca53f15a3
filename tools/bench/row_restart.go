//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// rowRestart measures from the start of the service's process until it knows
// from both nodes that their kernels are right.
func rowRestart(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.full(ctx)
	if err != nil {
		return nil, err
	}
	before, err := p.writes(ctx)
	if err != nil {
		return nil, err
	}
	var ours, ready sample
	for range min(b.Rounds, 3) {
		if err := errors.Join(p.conn.Close(), p.sys.StopService(ctx)); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := p.sys.StartService(ctx); err != nil {
			return nil, err
		}
		ready.add(time.Since(start))
		if err := p.connect(); err != nil {
			return nil, err
		}
		if err := p.converged(ctx); err != nil {
			return nil, err
		}
		ours.add(time.Since(start))
	}
	after, err := p.writes(ctx)
	if err != nil {
		return nil, err
	}
	line := Line{
		Work: fmt.Sprintf("service restart with %s stored, both nodes right: ready and verified", thousands(b.large)), Ours: figure("hcsrouted", ours),
		Limit: figure("of that, until it listens", ready), Goal: "≤ 1 s, zero kernel writes",
		Reached: fmt.Sprintf("max %s, %d kernel writes", seconds(ours.quantile(1)), after-before), Verdict: verdict(ours.quantile(1) <= 1 && after == before),
	}
	return []Line{line}, nil
}

// writes counts the kernel writes of both agents, and checks that both have everything.
func (p *pair) writes(ctx context.Context) (sum uint64, err error) {
	r, err := pb.NewInventoryServiceClient(p.conn).ListNodes(ctx, &pb.ListNodesRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return 0, err
	}
	for _, n := range r.Nodes {
		if !n.Connected || n.Programmed != uint64(p.bench.large) || n.Revision != r.Revision {
			return 0, fmt.Errorf("node %s: connected %v, %d routes at revision %d of %d: %s", n.Name, n.Connected, n.Programmed, n.Revision, r.Revision, n.Problem)
		}
		sum += n.KernelWrites
	}
	return sum, p.expect(ctx, p.bench.large)
}
