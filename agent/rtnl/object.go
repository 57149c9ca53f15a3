//go:build linux

package rtnl

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// rtaNextHopID is RTA_NH_ID.
const rtaNextHopID = 30

// named is the name by which a route of ours that is not just its entry can be
// deleted; empty for another's.
func (c *Conn) named(r Route, body []byte) string {
	if r.Plain() || r.Protocol != c.protocol || r.Table != unix.RT_TABLE_MAIN {
		return ""
	}
	return objectOf(r, body)
}

// objectOf is empty for an IPv6 route of any traits that its entry names: the
// kernel has no second one with the same next hop, and describes it together
// with the others of its kernel key.
func objectOf(r Route, body []byte) string {
	if body[0] == unix.AF_INET6 && r.Traits&(OfType|ByObject|Multipath|Selective) == 0 {
		return ""
	}
	return string(canonical(body))
}

// canonical is a route message with all that the kernel compares when it
// deletes a route, and nothing that changes by itself: two descriptions of one
// route are equal. The kernel refuses a next hop beside a next-hop object.
func canonical(body []byte) []byte {
	b := slices.Clone(body[:unix.SizeofRtMsg])
	clear(b[8:]) // rtm_flags
	byID := false
	for _, pass := range []func(kind uint16) bool{
		func(kind uint16) bool { return kind == rtaNextHopID },
		func(kind uint16) bool {
			switch kind {
			case unix.RTA_DST, unix.RTA_SRC, unix.RTA_PRIORITY, unix.RTA_PREFSRC, unix.RTA_METRICS, unix.RTA_TABLE, unix.RTA_FLOW:
				return true
			case unix.RTA_OIF, unix.RTA_GATEWAY, unix.RTA_VIA, unix.RTA_MULTIPATH, unix.RTA_ENCAP, unix.RTA_ENCAP_TYPE:
				return !byID
			}
			return false
		},
	} {
		for rest := body[unix.SizeofRtMsg:]; len(rest) > 0; {
			kind, v, next, err := nextAttr(rest)
			if err != nil {
				break // decodeRoute has returned the error
			}
			if pass(kind) {
				byID = byID || kind == rtaNextHopID
				b = appendAttr(b, kind, v)
			}
			rest = next
		}
	}
	return b
}

// appendAttr appends an attribute; the flags of legs are the kernel's.
func appendAttr(b []byte, kind uint16, v []byte) []byte {
	start := len(b) + 4
	b = binary.NativeEndian.AppendUint16(b, 4+uint16(len(v)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, v...)
	if kind == unix.RTA_MULTIPATH {
		for legs := b[start:]; len(legs) > 0; {
			n, err := legLen(legs)
			if err != nil {
				break
			}
			legs[2] = 0 // rtnh_flags
			legs = legs[min(align4(n), len(legs)):]
		}
	}
	return append(b, make([]byte, align4(len(b))-len(b))...)
}
