//go:build linux

package rtnl

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrInterrupted is a dump that the kernel has called inconsistent
// (NLM_F_DUMP_INTR) in every attempt.
var ErrInterrupted = errors.New("route dump interrupted by changes in every attempt")

const dumpAttempts = 5

// Dump yields the routes of table main, one for each next hop, IPv4 before
// IPv6. Protocol 0 means all. A route may be yielded again after a retry.
//
// An IPv6 dump is a hint only: while others change the table it misses and
// doubles routes, and the kernel does not say so. Confirm with Match.
func (c *Conn) Dump(ctx context.Context, protocol uint8, yield func(Route)) error {
	for _, fam := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := c.dumpFamily(ctx, fam, protocol, yield); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) dumpFamily(ctx context.Context, fam, protocol uint8, yield func(Route)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range dumpAttempts {
		if err := ctx.Err(); err != nil {
			return err
		}
		interrupted, err := c.dumpOnce(fam, protocol, yield)
		if err != nil {
			c.drain()
			return fmt.Errorf("dump table main: %w", err)
		}
		if !interrupted {
			return nil
		}
	}
	return ErrInterrupted
}

func (c *Conn) dumpOnce(fam, protocol uint8, yield func(Route)) (interrupted bool, err error) {
	seq := c.begin(1)
	c.out = appendDump(c.out, request{kind: unix.RTM_GETROUTE, seq: seq}, fam, protocol)
	if err := c.send(1); err != nil {
		return false, err
	}
	// Each recv makes the kernel dump the next part, so EAGAIN cannot come
	// before NLMSG_DONE.
	for {
		b, err := c.receive()
		if err != nil {
			return false, err
		}
		for len(b) > 0 {
			m, rest, err := nextMessage(b)
			if err != nil {
				return false, err
			}
			b = rest
			if m.seq != seq {
				continue
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return interrupted, dumpEnd(m)
			case unix.RTM_NEWROUTE:
				err := decodeRoute(m.body, func(r Route) {
					if r.Table == unix.RT_TABLE_MAIN && (protocol == 0 || r.Protocol == protocol) {
						yield(r)
					}
				})
				if err != nil {
					return false, err
				}
			}
		}
	}
}

// dumpEnd is the error that ended a dump; a table that does not exist is empty.
func dumpEnd(m message) error {
	errno, text, err := decodeError(m)
	switch {
	case err != nil:
		return err
	case errno == 0, errno == unix.ENOENT:
		return nil
	case text != "":
		return fmt.Errorf("%w (%s)", errno, text)
	}
	return errno
}
