//go:build linux

package bench

import (
	"fmt"
	"net/netip"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	agentpb "github.com/hcsroute/hcsroute/proto/agent/v1"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// family is an address family of the routes.
type family string

const (
	v4 family = "IPv4"
	v6 family = "IPv6"
)

const (
	port       = "Port3"
	nodeLink   = "eth1"
	metric     = routes.DefaultMetric
	storeID    = "6f1de2a8-6a15-4c1e-9c52-2a4f0b6a7c11"
	partRoutes = 500 // of a snapshot, as the service sends them
)

// hop is a next hop on the nodes' external switch; nobody needs to be there.
func (f family) hop() netip.Addr {
	if f == v6 {
		return netip.MustParseAddr("fd00:20::1")
	}
	return netip.MustParseAddr("192.168.20.1")
}

// destination is the i-th, all of them distinct: /24 from 20.0.0.0 on, or /64.
func (f family) destination(i int) netip.Prefix {
	if f == v6 {
		a := [16]byte{0xfd, 0x01, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		return netip.PrefixFrom(netip.AddrFrom16(a), 64)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{20 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
}

// routeSet makes count routes from the first-th destination on.
func (f family) routeSet(first, count int) ([]routes.Route, error) {
	out := make([]routes.Route, 0, count)
	for i := first; i < first+count; i++ {
		r, err := routes.New(routes.Fields{Interface: port, Destination: f.destination(i), NextHop: f.hop(), Metric: metric})
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// entries are the routes as a kernel holds them.
func entries(set []routes.Route, link int32) []routes.FIBEntry {
	out := make([]routes.FIBEntry, 0, len(set))
	for _, r := range set {
		out = append(out, routes.FIBEntry{Destination: r.Destination(), NextHop: r.NextHop(), Link: link, Metric: uint32(r.Metric())})
	}
	return out
}

// message is a route as a caller of the service gives it.
func message(r routes.Route) *pb.Route {
	return &pb.Route{Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String()}
}

func messages(set []routes.Route) []*pb.Route {
	out := make([]*pb.Route, 0, len(set))
	for _, r := range set {
		out = append(out, message(r))
	}
	return out
}

func selectors(set []routes.Route) []*pb.RouteSelector {
	out := make([]*pb.RouteSelector, 0, len(set))
	for _, r := range set {
		out = append(out, &pb.RouteSelector{Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String()})
	}
	return out
}

// versionOf places a set at a revision.
func versionOf(set []routes.Route, revision uint64) *agentpb.Version {
	digest := routes.DigestOf(set)
	return &agentpb.Version{StoreId: storeID, Epoch: 1, Revision: revision, Count: uint64(len(set)), Digest: digest.Bytes()}
}

// snapshot is the whole set as the service sends it to an agent.
func snapshot(set []routes.Route) []*agentpb.SessionRequest {
	var parts []*agentpb.SessionRequest
	part := &agentpb.Snapshot{First: true}
	end := func() {
		parts = append(parts, &agentpb.SessionRequest{Message: &agentpb.SessionRequest_Snapshot{Snapshot: part}})
		part = &agentpb.Snapshot{}
	}
	for i, r := range set {
		if part.Blocks = agentapi.AppendRoute(part.Blocks, 1, r); i%partRoutes == partRoutes-1 {
			end()
		}
	}
	part.Last = true
	end()
	return parts
}

// title names a piece of work, as "10,000 IPv4".
func title(count int, f family) string { return fmt.Sprintf("%s %s", thousands(count), f) }

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
