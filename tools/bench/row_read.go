//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// read is a call, which is made to the service and to the canned answers.
type read struct {
	work  string
	times int
	call  func(context.Context, pb.RouteServiceClient, int) (proto.Message, error)
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
	list := func(size int, token string) func(context.Context, pb.RouteServiceClient, int) (proto.Message, error) {
		return func(ctx context.Context, c pb.RouteServiceClient, _ int) (proto.Message, error) {
			r, err := c.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: int32(size), PageToken: token})
			if err == nil && len(r.Routes) != size {
				err = fmt.Errorf("%d routes in a page, want %d", len(r.Routes), size)
			}
			return r, err
		}
	}
	total := thousands(b.large)
	var out []Line
	for _, r := range []read{
		{"Get one of " + total, b.reads, func(ctx context.Context, c pb.RouteServiceClient, i int) (proto.Message, error) {
			at := i * 977 % b.large
			return c.GetRoute(ctx, &pb.GetRouteRequest{Selector: &pb.RouteSelector{Interface: port, Destination: v4.destination(at).String(), NextHop: v4.hop().String()}})
		}},
		{"List of " + thousands(b.small), max(3, b.reads/50), list(b.small, "")},
		{fmt.Sprintf("List of a page of %s in the middle of %s", thousands(page), total), max(3, b.reads/5), list(page, token)},
		{"first row of Watch with " + total, max(3, b.reads/5), firstOfWatch},
	} {
		var ours, bare sample
		var answers [2]proto.Message
		for i := range r.times {
			for k, side := range []struct {
				client pb.RouteServiceClient
				into   *sample
			}{{p.client, &ours}, {p.bare, &bare}} {
				d, err := timed(func() (err error) { answers[k], err = r.call(ctx, side.client, i); return err })
				if err != nil {
					return nil, fmt.Errorf("%s: %w", r.work, err)
				}
				side.into.add(d)
			}
		}
		if err := alike(answers[0], answers[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", r.work, err)
		}
		out = append(out, Line{
			Work: r.work, Ours: tail("service", ours), Limit: tail("bare gRPC, same answer", bare), Goal: "p50 beside the bare round trip",
			Reached: fmt.Sprintf("%.2f ×", ours.median()/bare.median()),
		})
	}
	return out, nil
}

// alike fails where the canned answer is not as large as the service's: it would
// be no limit of the same work.
func alike(ours, bare proto.Message) error {
	a, b := proto.Size(ours), proto.Size(bare)
	if a*10 < b*9 || b*10 < a*9 {
		return fmt.Errorf("the service answers %d bytes, the bare limit %d", a, b)
	}
	return nil
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
func firstOfWatch(ctx context.Context, c pb.RouteServiceClient, _ int) (proto.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.WatchRoutes(ctx, &pb.WatchRoutesRequest{})
	if err != nil {
		return nil, err
	}
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		err = errors.New("the watch ended before its first event")
	}
	return first, err
}
