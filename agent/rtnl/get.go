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

// Match appends, for each destination, the route of a table that the kernel
// would use (RTM_F_FIB_MATCH): its next hops, as one slice. No route at all is
// an empty slice. Unlike a dump, the answer is consistent for IPv6 too.
func (c *Conn) Match(ctx context.Context, dst []netip.Addr) ([][]Route, error) {
	return c.lookups(ctx, dst, unix.RTM_F_FIB_MATCH)
}

// Resolve returns how the kernel would send a packet to dst now: destination
// as a single address, gateway, link and table. found is false where it would
// answer that the network is unreachable.
func (c *Conn) Resolve(ctx context.Context, dst netip.Addr) (r Route, found bool, err error) {
	var flags uint32
	if dst.Is4() {
		flags = unix.RTM_F_LOOKUP_TABLE // IPv6 always tells the table, and refuses the flag
	}
	got, err := c.lookups(ctx, []netip.Addr{dst}, flags)
	if err != nil || len(got[0]) == 0 {
		return r, false, err
	}
	return got[0][0], true, nil
}

func (c *Conn) lookups(ctx context.Context, dst []netip.Addr, flags uint32) ([][]Route, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([][]Route, len(dst))
	const perSend = 64
	for out := all; len(dst) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(dst), perSend)
		if err := c.lookupBatch(dst[:n], flags, out[:n]); err != nil {
			return nil, fmt.Errorf("look up routes: %w", err)
		}
		dst, out = dst[n:], out[n:]
	}
	return all, nil
}

func (c *Conn) lookupBatch(dst []netip.Addr, flags uint32, out [][]Route) error {
	first := c.begin(len(dst))
	for i, a := range dst {
		c.out = appendGet(c.out, request{kind: unix.RTM_GETROUTE, seq: first + uint32(i)}, a, flags)
	}
	if err := c.send(len(dst)); err != nil {
		return err
	}
	for answered := 0; answered < len(dst); {
		b, err := c.receive(c.in)
		if err != nil {
			return err
		}
		for len(b) > 0 {
			m, rest, err := nextMessage(b)
			if err != nil {
				return err
			}
			b = rest
			i := m.seq - first
			if uint64(i) >= uint64(len(dst)) {
				continue
			}
			answered++
			if out[i], err = lookupAnswer(m, flags&unix.RTM_F_FIB_MATCH != 0); err != nil {
				return fmt.Errorf("%s: %w", dst[i], err)
			}
		}
	}
	return nil
}

// lookupAnswer reads one answer: a route of a table if match, else the way of
// a packet. The errnos that mean "no route" or "a route
// that refuses" are an empty answer.
func lookupAnswer(m message, match bool) (legs []Route, err error) {
	if m.kind == unix.RTM_NEWROUTE {
		if !match && len(m.body) >= unix.SizeofRtMsg {
			m.body = slices.Clone(m.body)
			m.body[2] = 0 // rtm_src_len: IPv6 tells the packet's source there, not a route's
		}
		err = decodeRoute(m.body, func(r Route) { legs = append(legs, r) })
		return legs, err
	}
	errno, text, err := decodeError(m)
	if err != nil {
		return nil, err
	}
	if errno == unix.EINVAL && text != "" {
		return nil, fmt.Errorf("%w: %s", errno, text) // the question was wrong; a blackhole says nothing
	}
	switch errno {
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.EAGAIN:
		return nil, nil
	case syscall.Errno(0):
		return nil, nil
	}
	return nil, errno
}
