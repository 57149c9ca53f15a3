//go:build linux

package rtnl

import (
	"encoding/binary"
	"errors"
	"iter"
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

// messages are those of a datagram. An error is of what is left, and the last.
func messages(b []byte) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		for len(b) > 0 {
			m, rest, err := nextMessage(b)
			if !yield(m, err) || err != nil {
				return
			}
			b = rest
		}
	}
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
