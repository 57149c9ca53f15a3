//go:build linux

package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

const (
	headerLen = unix.SizeofNlMsghdr
	routeLen  = headerLen + unix.SizeofRtMsg
	// maxRouteLen is the longest route message: IPv6 destination and gateway,
	// metric, link.
	maxRouteLen = routeLen + 2*(4+16) + 2*8
)

// request is one message's netlink header.
type request struct {
	kind  uint16 // RTM_*
	flags uint16 // NLM_F_*, without NLM_F_REQUEST
	seq   uint32
}

// appendRoute appends the message that carries out op with this protocol.
func appendRoute(b []byte, req request, op Op, protocol uint8) []byte {
	start := len(b)
	b = appendHeader(b, req)
	if op.Object != "" {
		b = append(b, op.Object...)
		binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
		return b
	}
	e := op.Entry
	dst := e.Destination.Addr()
	scope, kind := uint8(unix.RT_SCOPE_UNIVERSE), uint8(unix.RTN_UNICAST)
	switch {
	case op.Kind == Delete:
		kind = unix.RTN_UNSPEC
		scope = deleteScope(e)
	case e.NextHop.IsUnspecified():
		scope = unix.RT_SCOPE_LINK
	}
	b = append(b, family(dst), uint8(e.Destination.Bits()), 0, 0, unix.RT_TABLE_MAIN, protocol, scope, kind, 0, 0, 0, 0)
	b = appendAddr(b, unix.RTA_DST, dst)
	b = appendUint32(b, unix.RTA_PRIORITY, e.Metric)
	if !e.NextHop.IsUnspecified() {
		b = appendAddr(b, unix.RTA_GATEWAY, e.NextHop)
	}
	if e.Link != 0 {
		b = appendUint32(b, unix.RTA_OIF, uint32(e.Link))
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// deleteScope is any, except for an IPv4 device route: without a gateway to
// compare, the kernel would take the first route of the key on that link, also
// one with a gateway; those have another scope.
func deleteScope(e routes.FIBEntry) uint8 {
	if e.NextHop.IsUnspecified() && e.Destination.Addr().Is4() && e.Link != 0 {
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_NOWHERE
}

// appendDump appends a strict dump request for table main. Protocol 0 asks for
// every protocol.
func appendDump(b []byte, req request, fam, protocol uint8) []byte {
	start := len(b)
	req.flags |= unix.NLM_F_DUMP
	b = appendHeader(b, req)
	b = append(b, fam, 0, 0, 0, unix.RT_TABLE_MAIN, protocol, 0, 0, 0, 0, 0, 0)
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// question is one look-up of the route that dst takes, from src where valid.
type question struct {
	dst, src netip.Addr
	flags    uint32
}

func appendGet(b []byte, req request, q question) []byte {
	start := len(b)
	b = appendHeader(b, req)
	srcLen := uint8(0)
	if q.src.IsValid() {
		srcLen = uint8(q.src.BitLen())
	}
	if q.dst.Is4() {
		q.flags |= unix.RTM_F_LOOKUP_TABLE // else it is always main; IPv6 says it anyway, and refuses the flag
	}
	b = append(b, family(q.dst), uint8(q.dst.BitLen()), srcLen, 0, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, q.flags)
	b = appendAddr(b, unix.RTA_DST, q.dst)
	if q.src.IsValid() {
		b = appendAddr(b, unix.RTA_SRC, q.src)
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// appendHeader appends a netlink header; its length is filled in by the caller.
func appendHeader(b []byte, req request) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, req.kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|req.flags)
	b = binary.NativeEndian.AppendUint32(b, req.seq)
	return append(b, 0, 0, 0, 0)
}

func appendAddr(b []byte, kind uint16, a netip.Addr) []byte {
	b = binary.NativeEndian.AppendUint16(b, 4+uint16(a.BitLen()/8))
	b = binary.NativeEndian.AppendUint16(b, kind)
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

func appendUint32(b []byte, kind uint16, v uint32) []byte {
	b = binary.NativeEndian.AppendUint16(b, 8)
	b = binary.NativeEndian.AppendUint16(b, kind)
	return binary.NativeEndian.AppendUint32(b, v)
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
