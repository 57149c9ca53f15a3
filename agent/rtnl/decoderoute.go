//go:build linux

package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// decodeRoute yields a route message's next hops; none for what is not of IPv4
// or IPv6.
func decodeRoute(body []byte, yield func(Route)) error {
	if len(body) < unix.SizeofRtMsg {
		return errMalformed
	}
	fam := body[0]
	r := Route{
		Table: uint32(body[4]), Protocol: body[5], Type: body[7], Legs: 1,
		Flags: Flags(binary.NativeEndian.Uint32(body[8:])),
	}
	width, none := 4, netip.IPv4Unspecified()
	if fam == unix.AF_INET6 {
		width, none = 16, netip.IPv6Unspecified()
	} else if fam != unix.AF_INET {
		return nil
	}
	if int(body[1]) > width*8 {
		return errMalformed
	}
	dst := none
	r.NextHop = none
	var legs []byte
	for rest := body[unix.SizeofRtMsg:]; len(rest) > 0; {
		kind, v, next, err := nextAttr(rest)
		if err != nil {
			return err
		}
		rest = next
		switch kind {
		case unix.RTA_DST:
			if len(v) != width {
				return errMalformed
			}
			dst, _ = netip.AddrFromSlice(v)
		case unix.RTA_MULTIPATH:
			legs = v
		case unix.RTA_PRIORITY, unix.RTA_TABLE, unix.RTA_OIF:
			if len(v) != 4 {
				return errMalformed
			}
			r.number(kind, binary.NativeEndian.Uint32(v))
		default:
			if err := r.set(kind, v); err != nil {
				return err
			}
		}
	}
	if body[2] != 0 || body[3] != 0 { // rtm_src_len, rtm_tos
		r.Traits |= Selective
	}
	if r.Type != TypeUnicast {
		r.Traits |= OfType
	}
	r.Destination = netip.PrefixFrom(dst, int(body[1]))
	scope := body[6]
	if legs != nil {
		return decodeLegs(legs, r, yield)
	}
	if fam == unix.AF_INET && (scope != unix.RT_SCOPE_UNIVERSE || r.NextHop == none) && r.Type == TypeUnicast && scope != scopeOf(r.NextHop) {
		r.Traits |= OfScope
	}
	r.writersFlags()
	yield(r)
	return nil
}

// scopeOf is the scope of an IPv4 route of ours.
func scopeOf(hop netip.Addr) uint8 {
	if hop.IsUnspecified() {
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_UNIVERSE
}

// writersFlags notes flags that the route's writer has asked for.
func (r *Route) writersFlags() {
	if r.Flags&(unix.RTNH_F_ONLINK|unix.RTNH_F_PERVASIVE) != 0 {
		r.Traits |= Flagged
	}
}

// cloned is true for a cached result of a lookup, which is no route of a table.
func cloned(body []byte) bool {
	return len(body) >= unix.SizeofRtMsg && binary.NativeEndian.Uint32(body[8:])&unix.RTM_F_CLONED != 0
}

// decodeLegs yields the next hops of an RTA_MULTIPATH attribute. Those of IPv4
// and of a next-hop object are one route; else, each is a route of its own.
func decodeLegs(b []byte, r Route, yield func(Route)) error {
	one := r.NextHop.Is4() || r.NextHopID != 0
	if one {
		r.Traits |= Multipath
	}
	r.Legs = 0
	for rest := b; len(rest) > 0; r.Legs++ {
		n, err := legLen(rest)
		if err != nil {
			return err
		}
		rest = rest[min(align4(n), len(rest)):]
	}
	whole := r
	for i := uint16(0); len(b) > 0; i++ {
		n, err := legLen(b)
		if err != nil {
			return err
		}
		leg := whole
		leg.Leg, leg.Joined = i, i > 0 && !one
		leg.Link, leg.Flags = int32(binary.NativeEndian.Uint32(b[4:])), whole.Flags|Flags(b[2])
		if b[3] != 0 { // rtnh_hops: the weight less one
			leg.Traits |= Weighted
		}
		for rest := b[unix.SizeofRtNexthop:n]; len(rest) > 0; {
			kind, v, next, err := nextAttr(rest)
			if err != nil {
				return err
			}
			rest = next
			if err := leg.set(kind, v); err != nil {
				return err
			}
		}
		leg.writersFlags()
		yield(leg)
		b = b[min(align4(n), len(b)):]
	}
	return nil
}

func legLen(b []byte) (int, error) {
	if len(b) < unix.SizeofRtNexthop {
		return 0, errMalformed
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < unix.SizeofRtNexthop || n > len(b) {
		return 0, errMalformed
	}
	return n, nil
}

// set takes over one attribute of a route or of a leg. Attributes that this
// program does not know say nothing: a newer kernel's must not look like drift.
func (r *Route) set(kind uint16, v []byte) error {
	switch kind {
	case unix.RTA_GATEWAY:
		hop, ok := netip.AddrFromSlice(v)
		if !ok {
			return errMalformed
		}
		r.NextHop = hop
	case unix.RTA_VIA: // struct rtvia: family (2 bytes), address
		if len(v) < 2 {
			return errMalformed
		}
		r.Traits |= Decorated
		if hop, ok := netip.AddrFromSlice(v[2:]); ok {
			r.NextHop = hop
		}
	case unix.RTA_PREFSRC:
		r.Traits |= Source
	case unix.RTA_METRICS:
		r.Traits |= Metrics
	case unix.RTA_FLOW, unix.RTA_ENCAP, unix.RTA_ENCAP_TYPE, unix.RTA_EXPIRES, unix.RTA_TTL_PROPAGATE:
		r.Traits |= Decorated
	case unix.RTA_PREF:
		if len(v) > 0 && v[0] != 0 { // 0 is medium
			r.Traits |= Decorated
		}
	case unix.RTA_CACHEINFO: // struct rta_cacheinfo; rta_expires comes third
		if len(v) >= 12 && binary.NativeEndian.Uint32(v[8:]) != 0 {
			r.Traits |= Decorated
		}
	case unix.RTA_PRIORITY, unix.RTA_TABLE, unix.RTA_OIF, rtaNextHopID:
		if len(v) != 4 {
			return errMalformed
		}
		r.number(kind, binary.NativeEndian.Uint32(v))
	}
	return nil
}

func (r *Route) number(kind uint16, n uint32) {
	switch kind {
	case unix.RTA_PRIORITY:
		r.Metric = n
	case unix.RTA_TABLE:
		r.Table = n
	case unix.RTA_OIF:
		r.Link = int32(n)
	case rtaNextHopID:
		r.NextHopID = n
		r.Traits |= ByObject
	}
}
