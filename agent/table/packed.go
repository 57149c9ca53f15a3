package table

import (
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

// dstKey is a destination without pointers: 100,000 of them cost the garbage
// collector nothing.
type dstKey struct {
	addr [16]byte
	bits uint8
	v4   bool
}

// kernelKey is what the kernel keeps one route per.
type kernelKey struct {
	dstKey
	metric uint32
}

// entry is a routes.FIBEntry without pointers.
type entry struct {
	kernelKey
	hop  [16]byte
	link int32
}

func packDst(p netip.Prefix) dstKey {
	return dstKey{addr: p.Addr().As16(), bits: uint8(p.Bits()), v4: p.Addr().Is4()}
}

func pack(e routes.FIBEntry) entry {
	return entry{kernelKey: kernelKey{packDst(e.Destination), e.Metric}, hop: packHop(e.NextHop), link: e.Link}
}

// packHop has one form for device routes of both families.
func packHop(a netip.Addr) [16]byte {
	if a.IsUnspecified() {
		return [16]byte{}
	}
	return a.As16()
}

func (d dstKey) address(b [16]byte) netip.Addr {
	a := netip.AddrFrom16(b)
	if d.v4 {
		return a.Unmap()
	}
	return a
}

func (d dstKey) prefix() netip.Prefix { return netip.PrefixFrom(d.address(d.addr), int(d.bits)) }

func (d dstKey) nextHop(hop [16]byte) netip.Addr {
	if hop == ([16]byte{}) {
		if d.v4 {
			return netip.IPv4Unspecified()
		}
		return netip.IPv6Unspecified()
	}
	return d.address(hop)
}

func (e entry) unpack() routes.FIBEntry {
	return routes.FIBEntry{Destination: e.prefix(), NextHop: e.nextHop(e.hop), Link: e.link, Metric: e.metric}
}

// flag says what is known or to be done about a slot.
type flag uint16

const (
	flagUsed     flag = 1 << iota // the slot holds a desired route
	flagQueued                    // in a queue
	flagSeen                      // yielded by the dump under way, or kept by the set under way
	flagUnread                    // written, not yet read back
	flagLost                      // was in the kernel and others took it away
	flagTried                     // EEXIST, and the table has been surveyed since
	flagChecked                   // no foreign route holds the key: may be appended
	flagShared                    // other desired routes have, or had, the same destination
	flagTaken                     // was an extra, and must be read back as ours
	flagDown                      // the kernel marks it dead or linkdown
	flagRejected                  // the kernel marks it offload_failed
	flagNew                       // inserted by the request under way
	flagLeft                      // had to leave a link that is not the NIC any more, and is not back
)

// slot is a desired route and what the kernel holds of it: 48 bytes.
type slot struct {
	hop    [16]byte
	dst    [16]byte
	next   int32 // next slot of the same destination; -1 ends
	link   int32 // interface index on which the kernel has it; 0 for none
	metric uint16
	port   uint16
	bits   uint8
	v4     bool
	flags  flag
}

func (s *slot) key() dstKey { return dstKey{s.dst, s.bits, s.v4} }

// entry is the route as it is, or would be, on that link.
func (s *slot) entry(link int32) entry {
	return entry{kernelKey: kernelKey{s.key(), uint32(s.metric)}, hop: s.hop, link: link}
}

func (s *slot) has(f flag) bool { return s.flags&f != 0 }
func (s *slot) set(f flag)      { s.flags |= f }
func (s *slot) clear(f flag)    { s.flags &^= f }
