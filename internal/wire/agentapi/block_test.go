package agentapi_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestBlocks sends routes of two ports and both families, in any order of them.
func TestBlocks(t *testing.T) {
	want := []routes.Route{
		route(t, "10.1.0.0/16", "192.168.20.1"), route(t, "10.2.0.0/32", "0.0.0.0"),
		route(t, "2001:db8::/48", "fe80::1"), route(t, "2001:db8::1/128", "::"), route(t, "10.3.0.0/24", "192.168.20.2"),
	}
	ports := []uint32{1, 1, 1, 2, 2}
	names := map[uint32]string{1: "Port3", 2: "Port4"}
	var blocks []*pb.RouteBlock
	for i, r := range want {
		var err error
		if want[i], err = r.WithInterface(names[ports[i]]); err != nil {
			t.Fatal(err)
		}
		blocks = agentapi.AppendRoute(blocks, ports[i], want[i])
	}
	if len(blocks) != 4 {
		t.Errorf("%d blocks, want 4", len(blocks))
	}
	data, err := proto.Marshal(&pb.Snapshot{Blocks: blocks})
	if err != nil {
		t.Fatal(err)
	}
	var received pb.Snapshot
	if err := proto.Unmarshal(data, &received); err != nil {
		t.Fatal(err)
	}
	var got []routes.Route
	for _, b := range received.Blocks {
		if got, err = agentapi.ReadBlock(got, b, names[b.Port]); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBadBlocks: a block that does not fit together, or has no valid routes,
// is an error that says so.
func TestBadBlocks(t *testing.T) {
	good := func() *pb.RouteBlock {
		return agentapi.AppendRoute(nil, 1, route(t, "10.1.0.0/16", "192.168.20.1"))[0]
	}
	for name, spoil := range map[string]func(*pb.RouteBlock){
		"3 bytes of destinations": func(b *pb.RouteBlock) { b.Destinations = b.Destinations[:3] },
		"16 bytes of destinations": func(b *pb.RouteBlock) {
			a := netip.MustParseAddr("2001:db8::").As16()
			b.Destinations = a[:] // with an IPv4 next hop
		},
		"0 of next hops":    func(b *pb.RouteBlock) { b.NextHops = nil },
		"0 metrics":         func(b *pb.RouteBlock) { b.Metrics = nil },
		"block of 2 routes": func(b *pb.RouteBlock) { b.Lengths = append(b.Lengths, 8) },
		"block of 0 routes": func(b *pb.RouteBlock) { b.Lengths = nil },
		"not an IP address": func(b *pb.RouteBlock) { b.Lengths[0] = 33 },
		"right of /8":       func(b *pb.RouteBlock) { b.Lengths[0] = 8 },
		"not in 1..65535":   func(b *pb.RouteBlock) { b.Metrics[0] = 0 },
		"unicast address":   func(b *pb.RouteBlock) { b.NextHops[0] = 224 },
	} {
		b := good()
		spoil(b)
		if list, err := agentapi.ReadBlock(nil, b, "Port3"); err == nil || len(list) > 0 || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}
