//go:build linux

package rtnl

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// From uapi/linux/fib_rules.h; struct fib_rule_hdr is laid out as rtmsg.
const (
	fraDst               = 1
	fraSrc               = 2
	fraPriority          = 6
	fraFwmark            = 10
	fraSuppressIfgroup   = 13
	fraSuppressPrefixlen = 14
	fraTable             = 15
	fraFwmask            = 16
	fraPad               = 18
	fraProtocol          = 21

	ruleInvert = 2 // FIB_RULE_INVERT
	unset      = 1<<32 - 1
)

// Rules returns the policy rules of both families, in the order in which they
// are asked. A family that the kernel does not have has none.
func (c *Conn) Rules(ctx context.Context) (all []Rule, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fam := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if all, err = c.rulesOf(fam, all); err != nil {
			c.drain()
			return nil, fmt.Errorf("dump policy rules: %w", err)
		}
	}
	return all, nil
}

func (c *Conn) rulesOf(fam uint8, all []Rule) ([]Rule, error) {
	had := len(all)
	for range dumpAttempts {
		all = all[:had]
		seq := c.begin(1)
		c.out = appendRuleDump(c.out, request{kind: unix.RTM_GETRULE, flags: unix.NLM_F_DUMP, seq: seq}, fam)
		if err := c.send(1); err != nil {
			return nil, err
		}
		d := ruleDump{seq: seq, all: all}
		for done := false; !done; {
			b, err := c.receive(c.in)
			if err == nil {
				done, err = d.take(b)
			}
			if err != nil {
				return nil, err
			}
		}
		if all = d.all; !d.interrupted {
			return all, nil
		}
	}
	return nil, errInterrupted
}

func appendRuleDump(b []byte, req request, fam uint8) []byte {
	start := len(b)
	b = appendHeader(b, req)
	b = append(b, fam, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

type ruleDump struct {
	seq         uint32
	all         []Rule
	interrupted bool
}

func (d *ruleDump) take(b []byte) (done bool, err error) {
	for m, err := range messages(b) {
		if err != nil {
			return false, err
		}
		if m.seq != d.seq {
			continue
		}
		d.interrupted = d.interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
		switch m.kind {
		case unix.NLMSG_DONE:
			return true, dumpEnd(m)
		case unix.NLMSG_ERROR:
			errno, _, err := decodeError(m)
			if errno == unix.EAFNOSUPPORT || errno == unix.EOPNOTSUPP {
				return true, nil // no such family, or no policy rules in it
			}
			if err == nil {
				err = dumpEnd(m)
			}
			return true, err
		case unix.RTM_NEWRULE:
			r, err := decodeRule(m.body)
			if err != nil {
				return false, err
			}
			d.all = append(d.all, r)
		}
	}
	return false, nil
}

// decodeRule reads a rule. An attribute that is not known here is taken for a
// selector.
func decodeRule(body []byte) (r Rule, err error) {
	if len(body) < unix.SizeofRtMsg {
		return r, errMalformed
	}
	r = Rule{V4: body[0] == unix.AF_INET, Table: uint32(body[4]), Action: body[7]}
	r.Inverted = binary.NativeEndian.Uint32(body[8:])&ruleInvert != 0
	r.Selective = body[2] != 0 || body[3] != 0 // source length, type of service
	to := netip.IPv6Unspecified()
	if r.V4 {
		to = netip.IPv4Unspecified()
	}
	if int(body[1]) > to.BitLen() {
		return r, errMalformed
	}
	r.To = netip.PrefixFrom(to, int(body[1]))
	for rest := body[unix.SizeofRtMsg:]; len(rest) > 0; {
		kind, v, next, err := nextAttr(rest)
		if err != nil {
			return r, err
		}
		rest = next
		if err := r.set(kind, v); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *Rule) set(kind uint16, v []byte) error {
	var n uint32
	if len(v) == 4 {
		n = binary.NativeEndian.Uint32(v)
	}
	switch kind {
	case fraDst:
		a, ok := netip.AddrFromSlice(v)
		if !ok || a.BitLen() < r.To.Bits() {
			return errMalformed
		}
		r.To = netip.PrefixFrom(a, r.To.Bits())
	case fraPriority:
		r.Priority = n
	case fraTable:
		r.Table = n
	case fraSuppressPrefixlen, fraSuppressIfgroup:
		r.Suppresses = r.Suppresses || n != unset
	case fraFwmark, fraFwmask: // a packet without mark has 0
		r.Selective = r.Selective || kind == fraFwmark && n != 0
	case fraSrc, fraPad, fraProtocol: // the source's length is in the header
	default:
		r.Selective = true
	}
	return nil
}
