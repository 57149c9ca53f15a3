package agentapi

import (
	"fmt"
	"net/netip"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// AppendRoute adds a route on the port with that number to the last block, or
// to a new one where that is of another port or family.
func AppendRoute(blocks []*pb.RouteBlock, port uint32, r routes.Route) []*pb.RouteBlock {
	destination, hop := r.Destination().Addr(), r.NextHop()
	var b *pb.RouteBlock
	if n := len(blocks); n > 0 && blocks[n-1].Port == port && len(blocks[n-1].Destinations)/len(blocks[n-1].Lengths) == destination.BitLen()/8 {
		b = blocks[n-1]
	} else {
		b = &pb.RouteBlock{Port: port}
		blocks = append(blocks, b)
	}
	b.Destinations = appendAddr(b.Destinations, destination)
	b.Lengths = append(b.Lengths, uint8(r.Destination().Bits()))
	b.NextHops = appendAddr(b.NextHops, hop)
	b.Metrics = append(b.Metrics, uint32(r.Metric()))
	return blocks
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

// ReadBlock appends the routes of a block on the port with that alias.
func ReadBlock(list []routes.Route, b *pb.RouteBlock, alias string) ([]routes.Route, error) {
	n := len(b.GetLengths())
	width := 4
	if n > 0 && len(b.GetDestinations()) == 16*n {
		width = 16
	}
	if len(b.GetDestinations()) != width*n || len(b.GetNextHops()) != width*n || len(b.GetMetrics()) != n {
		return list, fmt.Errorf("a block of %d routes on %s has %d bytes of destinations, %d of next hops and %d metrics",
			n, alias, len(b.GetDestinations()), len(b.GetNextHops()), len(b.GetMetrics()))
	}
	for i := range n {
		r, err := routes.New(routes.Fields{
			Interface:   alias,
			Destination: netip.PrefixFrom(address(b.Destinations[width*i:], width), int(b.Lengths[i])),
			NextHop:     address(b.NextHops[width*i:], width),
			Metric:      b.Metrics[i],
		})
		if err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

func address(b []byte, width int) netip.Addr {
	if width == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}
