//go:build linux

package lab

import (
	"encoding/binary"
	"net/netip"
)

// echo is an ICMP echo message: the same layout in both families.
type echo struct {
	id, seq uint16
}

const (
	echoPayload = "hcsroute"

	icmp4EchoReply, icmp4Unreachable, icmp4EchoRequest, icmp4TimeExceeded = 0, 3, 8, 11
	icmp6Unreachable, icmp6TimeExceeded, icmp6EchoRequest, icmp6EchoReply = 1, 3, 128, 129
)

// request encodes an echo request. The kernel fills in the checksum of ICMPv6.
func (e echo) request(v6 bool) []byte {
	b := make([]byte, 8, 8+len(echoPayload))
	b[0] = icmp4EchoRequest
	if v6 {
		b[0] = icmp6EchoRequest
	}
	binary.BigEndian.PutUint16(b[4:], e.id)
	binary.BigEndian.PutUint16(b[6:], e.seq)
	b = append(b, echoPayload...)
	if !v6 {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// answer is what came back for an echo request.
type answer int

const (
	answerNone answer = iota
	answerReply
	answerUnreachable
)

// match says what a received ICMP message, without IP header, means for the
// request e to dst.
func (e echo) match(b []byte, dst netip.Addr) answer {
	if len(b) < 8 {
		return answerNone
	}
	v6 := dst.Is6()
	reply, unreachable, exceeded := byte(icmp4EchoReply), byte(icmp4Unreachable), byte(icmp4TimeExceeded)
	if v6 {
		reply, unreachable, exceeded = icmp6EchoReply, icmp6Unreachable, icmp6TimeExceeded
	}
	switch b[0] {
	case reply:
		if e.is(b) {
			return answerReply
		}
	case unreachable, exceeded:
		if inner, to := quoted(b[8:], v6); to == dst.WithZone("") && e.is(inner) {
			return answerUnreachable
		}
	}
	return answerNone
}

func (e echo) is(b []byte) bool {
	return len(b) >= 8 && binary.BigEndian.Uint16(b[4:]) == e.id && binary.BigEndian.Uint16(b[6:]) == e.seq
}

// quoted takes apart the packet that an error message quotes: its ICMP part
// and its destination.
func quoted(b []byte, v6 bool) ([]byte, netip.Addr) {
	if v6 {
		if len(b) < 40 {
			return nil, netip.Addr{}
		}
		to, _ := netip.AddrFromSlice(b[24:40])
		return b[40:], to
	}
	if len(b) < 20 {
		return nil, netip.Addr{}
	}
	header := int(b[0]&0xf) * 4
	if header < 20 || len(b) < header {
		return nil, netip.Addr{}
	}
	to, _ := netip.AddrFromSlice(b[16:20])
	return b[header:], to
}
