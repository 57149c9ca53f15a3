//go:build linux

package rtnl

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// errMalformed is a message that does not keep to its own lengths.
var errMalformed = errors.New("malformed netlink message")

// message is one netlink message; body aliases the receive buffer.
type message struct {
	kind, flags uint16
	seq, port   uint32
	body        []byte
}

// nextMessage splits the first message off b.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, errMalformed
	}
	n := binary.NativeEndian.Uint32(b)
	if n < headerLen || uint64(n) > uint64(len(b)) {
		return m, nil, errMalformed
	}
	m = message{
		kind:  binary.NativeEndian.Uint16(b[4:]),
		flags: binary.NativeEndian.Uint16(b[6:]),
		seq:   binary.NativeEndian.Uint32(b[8:]),
		port:  binary.NativeEndian.Uint32(b[12:]),
		body:  b[headerLen:n],
	}
	return m, b[min(align4(int(n)), len(b)):], nil
}

// nextAttr splits the first attribute off b; the flag bits of its type are masked.
func nextAttr(b []byte) (kind uint16, value, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, nil, errMalformed
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < 4 || n > len(b) {
		return 0, nil, nil, errMalformed
	}
	const typeMask = 0x3fff // NLA_TYPE_MASK
	return binary.NativeEndian.Uint16(b[2:]) & typeMask, b[4:n], b[min(align4(n), len(b)):], nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// decodeRoute yields a route message's next hops; none for what is not a plain
// route of IPv4 or IPv6: one with a type of service or a source prefix.
func decodeRoute(body []byte, yield func(Route)) error {
	if len(body) < unix.SizeofRtMsg {
		return errMalformed
	}
	fam := body[0]
	r := Route{Table: uint32(body[4]), Protocol: body[5], Type: body[7]}
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
		case unix.RTA_PRIORITY, unix.RTA_TABLE, unix.RTA_OIF, unix.RTA_GATEWAY, unix.RTA_VIA:
			if err := r.set(kind, v); err != nil {
				return err
			}
		}
	}
	if body[2] != 0 || body[3] != 0 { // rtm_src_len, rtm_tos
		return nil
	}
	r.Destination = netip.PrefixFrom(dst, int(body[1]))
	if legs == nil {
		yield(r)
		return nil
	}
	return decodeLegs(legs, r, yield)
}

// cloned tells a cached result of a lookup, which is no route of a table.
func cloned(body []byte) bool {
	return len(body) >= unix.SizeofRtMsg && binary.NativeEndian.Uint32(body[8:])&unix.RTM_F_CLONED != 0
}

// decodeLegs yields the next hops of an RTA_MULTIPATH attribute.
func decodeLegs(b []byte, r Route, yield func(Route)) error {
	none := r.NextHop
	for len(b) > 0 {
		if len(b) < unix.SizeofRtNexthop {
			return errMalformed
		}
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			return errMalformed
		}
		r.NextHop, r.Link = none, int32(binary.NativeEndian.Uint32(b[4:]))
		for rest := b[unix.SizeofRtNexthop:n]; len(rest) > 0; {
			kind, v, next, err := nextAttr(rest)
			if err != nil {
				return err
			}
			rest = next
			if kind != unix.RTA_GATEWAY && kind != unix.RTA_VIA {
				continue
			}
			if err := r.set(kind, v); err != nil {
				return err
			}
		}
		yield(r)
		b = b[min(align4(n), len(b)):]
	}
	return nil
}

// set takes over one attribute of a route or of a leg.
func (r *Route) set(kind uint16, v []byte) error {
	switch kind {
	case unix.RTA_GATEWAY:
		hop, ok := netip.AddrFromSlice(v)
		if !ok {
			return errMalformed
		}
		r.NextHop = hop
		return nil
	case unix.RTA_VIA: // struct rtvia: family (2 bytes), address
		if len(v) < 2 {
			return errMalformed
		}
		if hop, ok := netip.AddrFromSlice(v[2:]); ok {
			r.NextHop = hop
		}
		return nil
	}
	if len(v) != 4 {
		return errMalformed
	}
	n := binary.NativeEndian.Uint32(v)
	switch kind {
	case unix.RTA_PRIORITY:
		r.Metric = n
	case unix.RTA_TABLE:
		r.Table = n
	case unix.RTA_OIF:
		r.Link = int32(n)
	}
	return nil
}

// decodeError reads an NLMSG_ERROR body, or the NLMSG_DONE of a dump. The
// errno is 0 for an acknowledgement.
func decodeError(m message) (errno syscall.Errno, text string, err error) {
	if len(m.body) < 4 {
		return 0, "", errMalformed
	}
	code := int32(binary.NativeEndian.Uint32(m.body))
	if code > 0 {
		return 0, "", errMalformed
	}
	errno = syscall.Errno(-code)
	if errno == 0 || m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return errno, "", nil
	}
	skip := 4
	if m.kind == unix.NLMSG_ERROR {
		// The refused request follows: its header only if capped, else all of it.
		if len(m.body) < 4+headerLen {
			return 0, "", errMalformed
		}
		skip += headerLen
		if m.flags&unix.NLM_F_CAPPED == 0 {
			n := binary.NativeEndian.Uint32(m.body[4:])
			if uint64(n) > uint64(len(m.body)) {
				return 0, "", errMalformed
			}
			skip = 4 + align4(int(n))
		}
	}
	if skip > len(m.body) {
		return 0, "", errMalformed
	}
	for rest := m.body[skip:]; len(rest) > 0; {
		kind, v, next, err := nextAttr(rest)
		if err != nil {
			return 0, "", err
		}
		rest = next
		if kind == unix.NLMSGERR_ATTR_MSG {
			text = unix.ByteSliceToString(v)
		}
	}
	return errno, text, nil
}
