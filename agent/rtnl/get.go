//go:build linux

package rtnl

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Match returns, for each destination, the route of the tables that a packet takes:
// its next hops, as one slice, each with its own protocol as far as that can
// be found out (Route.Joined). No route at all is an empty slice; a route or
// rule that refuses is one Route of that Type without a Destination. Unlike a
// dump, the answer is consistent for IPv6 too.
func (c *Conn) Match(ctx context.Context, dst []netip.Addr) ([][]Route, error) {
	found, err := c.lookups(ctx, lookup{dst: dst, flags: unix.RTM_F_FIB_MATCH})
	if err != nil {
		return nil, err
	}
	for i, legs := range found {
		if len(legs) > 1 && legs[1].Joined {
			if err := c.identify(ctx, dst[i], legs); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// probes is how often the kernel is asked for the protocols of a group. That
// all of these miss one of two equal next hops has a chance of 2^-64.
const probes = 64

// identify finds out the protocols of joined next hops: the kernel names that
// of the hop which its hash of the addresses chooses, so it is asked with many
// source addresses. What it never chooses stays unknown.
func (c *Conn) identify(ctx context.Context, dst netip.Addr, legs []Route) error {
	l := lookup{dst: slices.Repeat([]netip.Addr{dst}, probes), flags: unix.RTM_F_FIB_MATCH}
	for i := range probes {
		from := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: byte(i + 1)} // 2001:db8::/32 is nobody's
		l.src = append(l.src, netip.AddrFrom16(from))
	}
	answers, err := c.lookups(ctx, l)
	if err != nil {
		return err
	}
	for _, answer := range answers {
		for i := range legs {
			if len(answer) > 0 && answer[0].FIBEntry == legs[i].FIBEntry && answer[0].Table == legs[i].Table {
				legs[i].Protocol, legs[i].Joined = answer[0].Protocol, false
			}
		}
	}
	return nil
}

// Resolve returns how the kernel would send a packet to dst now: destination
// as a single address, gateway, link and table. found is false where it would
// not; Type is then the kind of route that refuses, if one does.
func (c *Conn) Resolve(ctx context.Context, dst netip.Addr) (r Route, found bool, err error) {
	got, err := c.lookups(ctx, lookup{dst: []netip.Addr{dst}})
	if err != nil || len(got[0]) == 0 {
		return r, false, err
	}
	return got[0][0], got[0][0].Destination.IsValid(), nil
}

// lookup is a list of questions.
type lookup struct {
	dst   []netip.Addr
	src   []netip.Addr // empty, or one for each
	flags uint32
}

func (c *Conn) lookups(ctx context.Context, l lookup) ([][]Route, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([][]Route, len(l.dst))
	const perSend = 64
	for out := all; len(out) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(out), perSend)
		part := lookup{dst: l.dst[:n], flags: l.flags}
		l.dst = l.dst[n:]
		if l.src != nil {
			part.src, l.src = l.src[:n], l.src[n:]
		}
		if err := c.lookupBatch(part, out[:n]); err != nil {
			return nil, fmt.Errorf("look up routes: %w", err)
		}
		out = out[n:]
	}
	return all, nil
}

func (c *Conn) lookupBatch(l lookup, out [][]Route) error {
	first := c.begin(len(l.dst))
	for i, a := range l.dst {
		var src netip.Addr
		if l.src != nil {
			src = l.src[i]
		}
		c.out = appendGet(c.out, request{kind: unix.RTM_GETROUTE, seq: first + uint32(i)}, question{dst: a, src: src, flags: l.flags})
	}
	if err := c.send(len(l.dst)); err != nil {
		return err
	}
	for answered := 0; answered < len(l.dst); {
		b, err := c.receive(c.in)
		if err != nil {
			return err
		}
		for m, err := range messages(b) {
			if err != nil {
				return err
			}
			i := m.seq - first
			if uint64(i) >= uint64(len(l.dst)) {
				continue
			}
			answered++
			if out[i], err = c.lookupAnswer(m, l.flags&unix.RTM_F_FIB_MATCH != 0); err != nil {
				return fmt.Errorf("%s: %w", l.dst[i], err)
			}
		}
	}
	return nil
}

// lookupAnswer reads one answer: a route of a table if match, else the way of
// a packet. The errnos that mean "no route" are an empty answer.
func (c *Conn) lookupAnswer(m message, match bool) (legs []Route, err error) {
	if m.kind == unix.RTM_NEWROUTE {
		if !match && len(m.body) >= unix.SizeofRtMsg {
			m.body = slices.Clone(m.body)
			m.body[2] = 0 // rtm_src_len: IPv6 puts the packet's source there, not a route's
		}
		err = decodeRoute(m.body, func(r Route) {
			r.Object = c.named(r, m.body)
			legs = append(legs, r)
		})
		return legs, err
	}
	errno, text, err := decodeError(m)
	if err != nil {
		return nil, err
	}
	if errno == unix.EINVAL && text != "" {
		return nil, fmt.Errorf("%w: %s", errno, text) // the question was wrong; a blackhole says nothing
	}
	refused := map[syscall.Errno]uint8{unix.EINVAL: TypeBlackhole, unix.EHOSTUNREACH: TypeUnreachable, unix.EACCES: TypeProhibit}
	switch errno {
	case unix.ENETUNREACH, unix.EAGAIN, syscall.Errno(0):
		return nil, nil
	case unix.EINVAL, unix.EHOSTUNREACH, unix.EACCES:
		return []Route{{Type: refused[errno], Traits: OfType, Legs: 1}}, nil
	}
	return nil, errno
}
