package server_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestARefusalHasItsReasonInATrailer, for clients without the means to read
// the details of a status; an answer has none.
func TestARefusalHasItsReasonInATrailer(t *testing.T) {
	r := start(t, rigOptions{})
	var trailer metadata.MD
	reason := func() string {
		if list := trailer.Get("hcsroute-reason"); len(list) == 1 {
			return list[0]
		}
		return ""
	}
	_, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.99.0/24", "")}, grpc.Trailer(&trailer))
	if err == nil || reason() != string(routes.NotFound) {
		t.Errorf("a route that is not there: %v, trailer %v", err, trailer)
	}
	_, err = r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{RequestId: "\u200b"}, grpc.Trailer(&trailer))
	if err == nil || reason() != string(routes.BadRequest) {
		t.Errorf("refused before it was looked at: %v, trailer %v", err, trailer)
	}
	_, err = r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{}, grpc.Trailer(&trailer))
	if err != nil || reason() != "" {
		t.Errorf("an answer: %v, trailer %v", err, trailer)
	}
	watch, err := r.routes.WatchRoutes(t.Context(), &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{Interfaces: []string{"Port99"}}})
	must(t, err)
	_, err = watch.Recv()
	if trailer = watch.Trailer(); err == nil || reason() != string(routes.InterfaceNotFound) {
		t.Errorf("a stream: %v, trailer %v", err, trailer)
	}
}
