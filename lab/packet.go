//go:build linux

package lab

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Packet is an IP packet that a capture saw.
type Packet struct {
	Src, Dst netip.Addr
	// Proto is the IP protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6. IPv6
	// extension headers are not followed.
	Proto uint8
	// Outgoing is true for what the namespace itself sent on the interface.
	Outgoing bool
}

// decode takes an Ethernet frame apart; frames that are not IP are not ok.
func decode(frame []byte) (p Packet, ok bool) {
	const header = 14
	if len(frame) < header {
		return p, false
	}
	ip := frame[header:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		if len(ip) < 20 {
			return p, false
		}
		p.Proto = ip[9]
		p.Src, p.Dst = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	case unix.ETH_P_IPV6:
		if len(ip) < 40 {
			return p, false
		}
		p.Proto = ip[6]
		p.Src, p.Dst = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	default:
		return p, false
	}
	return p, true
}
