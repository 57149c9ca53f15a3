// Package agentapi is what host and agent have in common in their protocol,
// proto/agent/v1: its limits, and its versions and keys as the domain has them.
package agentapi

import (
	"fmt"
	"net/netip"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// Protocol is the protocol's version; both sides must have the same.
	Protocol = 3
	// maxAuthenticator bounds what an agent keeps with a version, in bytes.
	maxAuthenticator = 256
)

// Version converts a version.
func Version(v routes.Version) *pb.Version {
	return &pb.Version{StoreId: v.StoreID, Epoch: v.Epoch, Revision: uint64(v.Revision), Count: v.Count, Digest: v.Digest.Bytes()}
}

// FromVersion reads a version; none, or one without store id, is the zero
// version: there is no set.
func FromVersion(p *pb.Version) (routes.Version, error) {
	if p.GetStoreId() == "" {
		return routes.Version{}, nil
	}
	digest, err := routes.DigestFromBytes(p.Digest)
	if err != nil {
		return routes.Version{}, err
	}
	return routes.Version{StoreID: p.StoreId, Epoch: p.Epoch, Revision: routes.Revision(p.Revision), Count: p.Count, Digest: digest}, nil
}

// Authentic converts a version with its authenticator.
func Authentic(v routes.Version, authenticator []byte) *pb.Version {
	p := Version(v)
	p.Authenticator = authenticator
	return p
}

// FromAuthentic reads a version with its authenticator.
func FromAuthentic(p *pb.Version) (v routes.Version, authenticator []byte, err error) {
	if n := len(p.GetAuthenticator()); n > maxAuthenticator {
		return v, nil, fmt.Errorf("an authenticator of %d bytes, more than %d", n, maxAuthenticator)
	}
	v, err = FromVersion(p)
	return v, p.GetAuthenticator(), err
}

// Key converts a key.
func Key(k routes.Key) *pb.RouteKey {
	d := k.Destination
	return &pb.RouteKey{Interface: k.Interface, Destination: d.Addr().AsSlice(), Length: uint32(d.Bits()), NextHop: k.NextHop.AsSlice()}
}

// FromKey reads a key.
func FromKey(p *pb.RouteKey) (routes.Key, error) {
	destination, hop, err := Addresses(p)
	if err != nil {
		return routes.Key{}, err
	}
	return routes.Key{Destination: destination, NextHop: hop, Interface: routes.FoldAlias(p.GetInterface())}, nil
}

// Addresses reads the destination and next hop of a route or key. It judges
// their form only; that they make a route is for routes.New.
func Addresses(p interface {
	GetDestination() []byte
	GetLength() uint32
	GetNextHop() []byte
}) (destination netip.Prefix, hop netip.Addr, err error) {
	addr, ok := netip.AddrFromSlice(p.GetDestination())
	hop, okHop := netip.AddrFromSlice(p.GetNextHop())
	if !ok || !okHop || p.GetLength() > uint32(addr.BitLen()) {
		return netip.Prefix{}, netip.Addr{}, fmt.Errorf("a destination of %d bytes /%d with a next hop of %d bytes",
			len(p.GetDestination()), p.GetLength(), len(p.GetNextHop()))
	}
	return netip.PrefixFrom(addr, int(p.GetLength())), hop, nil
}
