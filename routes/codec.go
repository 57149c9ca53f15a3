package routes

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Binary forms. A key's encoding keeps the order of Key.Compare, so that a
// range of bytes is a range of keys:
//
//	interface 0x00 family(4|6) address bits next-hop
//
// A route's canonical encoding is its key's, then the metric in two bytes; it
// is what the digest hashes.

// AppendKey appends k's order-preserving encoding.
func AppendKey(b []byte, k Key) []byte {
	b = AppendDestination(b, k.Interface, k.Destination)
	return appendAddr(b, k.NextHop)
}

// AppendInterface appends the prefix that all keys of an interface share. It is
// part of every hash of a route: ASCII is folded in place.
func AppendInterface(b []byte, iface string) []byte {
	start := len(b)
	b = append(b, iface...)
	for i, c := range b[start:] {
		switch {
		case 'A' <= c && c <= 'Z':
			b[start+i] = c + 'a' - 'A'
		case c >= utf8.RuneSelf:
			return append(append(b[:start], FoldAlias(iface)...), 0)
		}
	}
	return append(b, 0)
}

// AppendDestination appends the prefix that all keys of one destination on
// one interface share.
func AppendDestination(b []byte, iface string, p netip.Prefix) []byte {
	b = AppendInterface(b, iface)
	if p.Addr().Is4() {
		b = append(b, 4)
	} else {
		b = append(b, 6)
	}
	b = appendAddr(b, p.Addr())
	return append(b, byte(p.Bits()))
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

// DecodeKey reads what AppendKey wrote. It accepts nothing else.
func DecodeKey(b []byte) (Key, error) {
	iface, rest, ok := strings.Cut(string(b), "\x00")
	if !ok || len(rest) == 0 {
		return Key{}, fmt.Errorf("route key: %d bytes without interface", len(b))
	}
	size := 4
	switch rest[0] {
	case 4:
	case 6:
		size = 16
	default:
		return Key{}, fmt.Errorf("route key: family %d", rest[0])
	}
	if rest = rest[1:]; len(rest) != 2*size+1 {
		return Key{}, fmt.Errorf("route key: %d bytes after the family", len(rest))
	}
	addr, _ := netip.AddrFromSlice([]byte(rest[:size]))
	hop, _ := netip.AddrFromSlice([]byte(rest[size+1:]))
	k := Key{Destination: netip.PrefixFrom(addr, int(rest[size])), NextHop: hop, Interface: iface}
	// A route with this key and any metric must be valid: the constructor decides.
	r, err := New(Fields{Interface: iface, Destination: k.Destination, NextHop: hop, Metric: MinMetric})
	if err != nil {
		return Key{}, fmt.Errorf("route key: %w", err)
	}
	if r.Key() != k {
		return Key{}, fmt.Errorf("route key: %s is not in canonical form", k)
	}
	return k, nil
}

// AppendCanonical appends the canonical encoding of r.
func (r Route) AppendCanonical(b []byte) []byte {
	b = AppendDestination(b, r.iface, r.destination)
	b = appendAddr(b, r.nextHop)
	return binary.BigEndian.AppendUint16(b, r.metric)
}
