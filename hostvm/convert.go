package hostvm

import (
	"fmt"
	"net/netip"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func toVersion(v routes.Version) *pb.Version {
	return &pb.Version{StoreId: v.StoreID, Epoch: v.Epoch, Revision: uint64(v.Revision), Count: v.Count, Digest: v.Digest.Bytes()}
}

// fromVersion reads a version; one without store id says that there is no set.
func fromVersion(p *pb.Version) (routes.Version, error) {
	if p.GetStoreId() == "" {
		return routes.Version{}, nil
	}
	digest, err := routes.DigestFromBytes(p.Digest)
	if err != nil {
		return routes.Version{}, err
	}
	return routes.Version{StoreID: p.StoreId, Epoch: p.Epoch, Revision: routes.Revision(p.Revision), Count: p.Count, Digest: digest}, nil
}

func fromKey(p *pb.RouteKey) (routes.Key, error) {
	dst, ok := netip.AddrFromSlice(p.GetDestination())
	hop, okHop := netip.AddrFromSlice(p.GetNextHop())
	if !ok || !okHop || p.Length > uint32(dst.BitLen()) {
		return routes.Key{}, fmt.Errorf("route key with destination of %d bytes /%d and next hop of %d bytes", len(p.GetDestination()), p.GetLength(), len(p.GetNextHop()))
	}
	return routes.Key{Destination: netip.PrefixFrom(dst, int(p.Length)), NextHop: hop, Interface: routes.FoldAlias(p.Interface)}, nil
}

// fromNICs reads the node's NICs. What cannot be read is left out: it is for
// checks and display, never for the set.
func fromNICs(name string, list []*pb.Nic) []Link {
	links := make([]Link, 0, len(list))
	for _, p := range list {
		link := Link{Name: p.Link, Up: p.Up, NodeNIC: routes.NodeNIC{Node: name, MAC: p.Mac, Addressing: addressing(p.Addressing)}}
		for _, s := range p.Addresses {
			if a, err := netip.ParsePrefix(s); err == nil {
				link.Addresses = append(link.Addresses, a)
			}
		}
		for _, c := range p.Connected {
			if net, err := netip.ParsePrefix(c.Prefix); err == nil {
				link.Connected = append(link.Connected, routes.ConnectedRoute{Prefix: net, Metric: c.Metric})
			}
		}
		links = append(links, link)
	}
	return links
}

func addressing(s string) routes.Addressing {
	switch a := routes.Addressing(s); a {
	case routes.AddressingStatic, routes.AddressingDHCP, routes.AddressingLinkLocal, routes.AddressingNone:
		return a
	}
	return routes.AddressingUnknown
}

// fromException reads an exception; a state that this host does not know is
// an error, because it must not count as programmed.
func fromException(p *pb.Exception) (routes.Key, exception, error) {
	key, err := fromKey(p.GetKey())
	if err != nil {
		return key, exception{}, err
	}
	e := exception{state: routes.State(p.State), cause: routes.Cause(p.Cause), condition: routes.Condition(p.Condition), detail: p.Detail}
	switch e.state {
	case routes.Programmed, routes.Waiting, routes.Failed, routes.Removing:
	default:
		return key, e, fmt.Errorf("state %q of %s", p.State, key)
	}
	if p.Time.IsValid() {
		e.time = p.Time.AsTime()
	}
	return key, e, nil
}
