//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// read is a call, which is made to the service and to the canned answers.
type read struct {
	work  string
	times int
	call  func(context.Context, pb.RouteServiceClient, int) error
}

// rowRead measures reads with many routes stored. The bare round trip carries
// an answer of the same shape.
func rowRead(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.full(ctx)
	if err != nil {
		return nil, err
	}
	page := b.large / 100
	token, err := p.pageInTheMiddle(ctx, page)
	if err != nil {
		return nil, err
	}
	list := func(size int, token string) func(context.Context, pb.RouteServiceClient, int) error {
		return func(ctx context.Context, c pb.RouteServiceClient, _ int) error {
			r, err := c.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: int32(size), PageToken: token})
			if err == nil && len(r.Routes) != size {
				err = fmt.Errorf("%d routes in a page, want %d", len(r.Routes), size)
			}
			return err
		}
	}
	total := thousands(b.large)
	var out []Line
	for _, r := range []read{
		{"Get one of " + total, b.reads, func(ctx context.Context, c pb.RouteServiceClient, i int) error {
			at := i * 977 % b.large
			_, err := c.GetRoute(ctx, &pb.GetRouteRequest{Selector: &pb.RouteSelector{Interface: port, Destination: v4.destination(at).String(), NextHop: v4.hop().String()}})
			return err
		}},
		{"List of " + thousands(b.small), max(3, b.reads/50), list(b.small, "")},
		{fmt.Sprintf("List of a page of %s in the middle of %s", thousands(page), total), max(3, b.reads/5), list(page, token)},
		{"first row of Watch with " + total, max(3, b.reads/5), firstOfWatch},
	} {
		var ours, bare sample
		for i := range r.times {
			for _, side := range []struct {
				client pb.RouteServiceClient
				into   *sample
			}{{p.client, &ours}, {p.bare, &bare}} {
				d, err := timed(func() error { return r.call(ctx, side.client, i) })
				if err != nil {
					return nil, fmt.Errorf("%s: %w", r.work, err)
				}
				side.into.add(d)
			}
		}
		out = append(out, Line{
			Work: r.work, Ours: tail("service", ours), Limit: tail("bare gRPC, same answer", bare), Goal: "p50 beside the bare round trip",
			Reached: fmt.Sprintf("%.2f ×", ours.median()/bare.median()),
		})
	}
	return out, nil
}

func (p *pair) pageInTheMiddle(ctx context.Context, size int) (token string, err error) {
	for range p.bench.large / size / 2 {
		r, err := p.client.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: int32(size), PageToken: token, Summary: true})
		if err != nil {
			return "", err
		}
		token = r.NextPageToken
	}
	return token, nil
}

// firstOfWatch opens a watch, waits for its first event and ends it.
func firstOfWatch(ctx context.Context, c pb.RouteServiceClient, _ int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.WatchRoutes(ctx, &pb.WatchRoutesRequest{})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	if errors.Is(err, io.EOF) {
		return errors.New("the watch ended before its first event")
	}
	return err
}
