//go:build linux

package bench

import (
	"context"
	"fmt"
	"time"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// rowCLI measures `hcsroute get` as a process, beside the call that it makes
// and beside a process that does nothing.
func rowCLI(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.full(ctx)
	if err != nil {
		return nil, err
	}
	command := func(args ...string) (time.Duration, error) {
		return timed(func() error {
			r, err := p.sys.CLI(ctx, args...)
			if err == nil && r.Code != 0 {
				err = fmt.Errorf("hcsroute %v: exit code %d: %s", args, r.Code, r.Stderr)
			}
			return err
		})
	}
	destination := v4.destination(b.large / 2).String()
	var process, call, nothing sample
	for range max(3, b.reads/10) {
		d, err := command("get", destination)
		if err != nil {
			return nil, err
		}
		process.add(d)
		if d, err = command("version"); err != nil {
			return nil, err
		}
		nothing.add(d)
		if d, err = timed(func() error {
			_, err := p.client.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: &pb.RouteFilter{Destinations: []string{destination}}})
			return err
		}); err != nil {
			return nil, err
		}
		call.add(d)
	}
	over := process.median() - call.median()
	return []Line{{
		Work: "hcsroute get as a whole process", Ours: tail("hcsroute get", process), Limit: tail("the RPC", call), Peers: []Figure{tail("hcsroute version", nothing)},
		Goal: "≤ 15 ms over the RPC", Reached: seconds(over) + " over it", Verdict: verdict(over <= 0.015),
	}}, nil
}
