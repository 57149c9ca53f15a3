package server_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// bare answers what it was given: what gRPC costs with nothing to do.
type bare struct {
	pb.UnimplementedRouteServiceServer
	get  *pb.GetRouteResponse
	list map[int32]*pb.ListRoutesResponse
}

func (b *bare) GetRoute(context.Context, *pb.GetRouteRequest) (*pb.GetRouteResponse, error) {
	return b.get, nil
}

func (b *bare) ListRoutes(_ context.Context, req *pb.ListRoutesRequest) (*pb.ListRoutesResponse, error) {
	return b.list[req.PageSize], nil
}

func (b *bare) WatchRoutes(_ *pb.WatchRoutesRequest, stream grpc.ServerStreamingServer[pb.WatchRoutesResponse]) error {
	return stream.Send(&pb.WatchRoutesResponse{Kind: current, Route: b.get.Route})
}

// BenchmarkRead measures reads of 10,000 stored routes, and the same answers
// given by nothing but gRPC.
func BenchmarkRead(b *testing.B) {
	r := start(b, rigOptions{})
	now := time.Now()
	r.fleet.set(func() {
		r.fleet.status = func(rec routes.Record) []routes.NodeStatus {
			return []routes.NodeStatus{
				{Node: "k8s-master", State: routes.Programmed, Revision: rec.Revision, Time: now},
				{Node: "k8s-worker", State: routes.Programmed, Revision: rec.Revision, Time: now},
			}
		}
	})
	ctx := b.Context()
	fill(b, r, 10_000)
	get := &pb.GetRouteRequest{Selector: selector("Port3", "20.0.9.0/24", "192.168.20.1")}
	canned := &bare{list: map[int32]*pb.ListRoutesResponse{}}
	var err error
	canned.get, err = r.routes.GetRoute(ctx, get)
	must(b, err)
	for _, size := range []int32{1000, 10_000} {
		canned.list[size], err = r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: size})
		must(b, err)
	}
	path := filepath.Join(b.TempDir(), "bare.sock")
	l, err := net.Listen("unix", path)
	must(b, err)
	server := grpc.NewServer()
	pb.RegisterRouteServiceServer(server, canned)
	go func() { _ = server.Serve(l) }()
	b.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(b, err)
	b.Cleanup(func() { conn.Close() })
	for name, client := range map[string]pb.RouteServiceClient{"service": r.routes, "bare": pb.NewRouteServiceClient(conn)} {
		b.Run("get/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := client.GetRoute(ctx, get)
				must(b, err)
			}
		})
		for _, size := range []int32{1000, 10_000} {
			b.Run(fmt.Sprintf("list of %d/%s", size, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, err := client.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: size})
					must(b, err)
				}
			})
		}
		b.Run("first of watch/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithCancel(ctx)
				stream, err := client.WatchRoutes(ctx, &pb.WatchRoutesRequest{})
				must(b, err)
				_, err = stream.Recv()
				must(b, err)
				cancel()
			}
		})
	}
}

func fill(t testing.TB, r *rig, n int) {
	t.Helper()
	batch := &pb.BatchAddRoutesRequest{}
	for i := range n {
		batch.Routes = append(batch.Routes, route("Port3", fmt.Sprintf("20.%d.%d.0/24", i/250, i%250), "192.168.20.1", 100))
	}
	resp, err := r.routes.BatchAddRoutes(t.Context(), batch)
	if err != nil || !resp.Committed {
		t.Fatalf("committed %v: %v", resp.GetCommitted(), err)
	}
}
