package agent_test

import (
	"net"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func TestExplain(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h)
	got, err := r.client.Explain(t.Context(), &pb.ExplainRequest{Address: []byte{10, 1, 2, 3}})
	must(t, err)
	if !got.Ours || got.Destination != "10.1.0.0/16" || got.NextHop != hop || got.Link != "v3" || got.Mac != mac3 || got.Metric != 256 || got.Source != "192.168.20.11" || got.RtmProtocol != proto {
		t.Fatalf("got %v", got)
	}
	if got, err = r.client.Explain(t.Context(), &pb.ExplainRequest{Address: []byte{10, 200, 2, 3}}); err != nil || got.Problem == "" || got.Ours {
		t.Fatalf("no route: %v, %v", got, err)
	}
	for name, kind := range map[string]int{"blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW} {
		for _, to := range []string{"10.201.0.0/16", "2001:db8:201::/48"} {
			_, dst, err := net.ParseCIDR(to)
			must(t, err)
			refusing := &netlink.Route{Dst: dst, Type: kind, Protocol: unix.RTPROT_STATIC, Priority: 7}
			must(t, netlink.RouteAdd(refusing))
			got, err := r.client.Explain(t.Context(), &pb.ExplainRequest{Address: dst.IP})
			must(t, netlink.RouteDel(refusing))
			if err != nil || !strings.Contains(got.Problem, name+" "+to+" metric 7 proto static") {
				t.Errorf("a route that refuses by %s: %v, %v", name, got, err)
			}
		}
	}
	if _, err = r.client.Explain(t.Context(), &pb.ExplainRequest{Address: []byte{1}}); status.Code(err) != codes.InvalidArgument {
		t.Fatalf("a bad address: %v", err)
	}
}
