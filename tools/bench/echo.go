//go:build linux

package bench

import (
	"context"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// EchoCommand is the argument, before the socket's path, with which
// Options.Self must call [Echo].
const EchoCommand = "bench-echo"

// Echo serves canned answers on a unix socket until ctx ends: what gRPC costs
// between two processes when there is nothing to do.
func Echo(ctx context.Context, path string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	e := &echo{pages: map[int32]*pb.ListRoutesResponse{}}
	for _, size := range []int{1, 10, 200, 1000, 10_000} {
		page := &pb.ListRoutesResponse{}
		for i := range size {
			page.Routes = append(page.Routes, canned(i))
		}
		e.pages[int32(size)] = page
	}
	pb.RegisterRouteServiceServer(server, e)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	err = server.Serve(l)
	if ctx.Err() != nil {
		err = nil
	}
	_ = os.Remove(path)
	return err
}

// canned is a route as the service answers it.
func canned(i int) *pb.Route {
	m, age, now := uint32(metric), uint32(3), timestamppb.Now()
	node := func(name string) *pb.NodeStatus {
		return &pb.NodeStatus{Node: name, State: pb.State_STATE_PROGRAMMED, Revision: 1, Time: now, ReportAgeSeconds: &age}
	}
	return &pb.Route{
		Interface: port, Destination: v4.destination(i).String(), NextHop: v4.hop().String(), Metric: &m,
		State: pb.State_STATE_PROGRAMMED, Revision: 1, CreatedBy: "uid 0 (root)", CreateTime: now, UpdateTime: now,
		Nodes: []*pb.NodeStatus{node("k8s-master"), node("k8s-worker")},
	}
}

type echo struct {
	pb.UnimplementedRouteServiceServer
	pages map[int32]*pb.ListRoutesResponse
}

// GetRoute answers one route.
func (e *echo) GetRoute(context.Context, *pb.GetRouteRequest) (*pb.GetRouteResponse, error) {
	return &pb.GetRouteResponse{Route: e.pages[1].Routes[0]}, nil
}

// ListRoutes answers a page of the size that was asked for.
func (e *echo) ListRoutes(_ context.Context, req *pb.ListRoutesRequest) (*pb.ListRoutesResponse, error) {
	return e.pages[req.PageSize], nil
}

// WatchRoutes answers one event.
func (e *echo) WatchRoutes(_ *pb.WatchRoutesRequest, stream grpc.ServerStreamingServer[pb.WatchRoutesResponse]) error {
	return stream.Send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_CURRENT, Route: e.pages[1].Routes[0]})
}
