//go:build linux

package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	manyWriters = 64
	// writerConns keeps each connection below its limit of streams.
	writerConns = 8
)

// rowWriters measures adds per second that are acknowledged as STORED.
func rowWriters(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.pair(ctx)
	if err != nil {
		return nil, err
	}
	clients := make([]pb.RouteServiceClient, writerConns)
	for i := range clients {
		conn, err := dialUnix(p.sys.Address)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		clients[i] = pb.NewRouteServiceClient(conn)
	}
	rates := map[int]sample{}
	for range b.Rounds {
		for _, writers := range []int{1, manyWriters} {
			rate, err := p.storm(ctx, clients, writers)
			if err != nil {
				return nil, err
			}
			rates[writers] = append(rates[writers], rate)
		}
	}
	one, many := rates[1].median(), rates[manyWriters].median()
	text := func(s sample) string {
		return fmt.Sprintf("%.0f adds/s (%.0f–%.0f)", s.median(), s.quantile(0), s.quantile(1))
	}
	return []Line{{
		Work: "64 concurrent writers, acknowledged at STORED, both nodes following", Ours: Figure{Name: "64 writers", Text: text(rates[manyWriters])},
		Limit: Figure{Name: "one writer", Text: text(rates[1])}, Goal: "≥ 8 × one writer; no reordering",
		Reached: fmt.Sprintf("%.1f ×; revisions of every writer in order", many/one), Verdict: verdict(many >= 8*one),
	}}, nil
}

// storm lets writers add for a while, checks the order of what they were
// answered, and removes it all.
func (p *pair) storm(ctx context.Context, clients []pb.RouteServiceClient, writers int) (perSecond float64, err error) {
	var next atomic.Int64
	limit := 200_000
	timer := time.NewTimer(p.bench.burst)
	defer timer.Stop()
	end := make(chan struct{})
	go func() {
		<-timer.C
		close(end)
	}()
	group, gctx := errgroup.WithContext(ctx)
	start := time.Now()
	for w := range writers {
		group.Go(func() error {
			var last uint64
			for {
				select {
				case <-end:
					return nil
				default:
				}
				i := int(next.Add(1)) - 1
				if i >= limit {
					return nil
				}
				rev, err := addStored(gctx, clients[w%len(clients)], i)
				if err != nil {
					return err
				}
				if rev <= last {
					return fmt.Errorf("revision %d was answered after %d", rev, last)
				}
				last = rev
			}
		})
	}
	err = group.Wait()
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	n := min(int(next.Load()), limit)
	if err := p.converged(ctx); err != nil {
		return 0, err
	}
	set, err := v6.routeSet(0, n)
	if err != nil {
		return 0, err
	}
	return float64(n) / took.Seconds(), p.removeAll(ctx, set)
}

func addStored(ctx context.Context, c pb.RouteServiceClient, i int) (uint64, error) {
	r, err := routes.New(routes.Fields{Interface: port, Destination: v6.destination(i), NextHop: v6.hop(), Metric: metric})
	if err != nil {
		return 0, err
	}
	res, err := c.AddRoute(ctx, &pb.AddRouteRequest{Route: message(r), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_STORED}, grpc.WaitForReady(true))
	return res.GetRevision(), err
}
