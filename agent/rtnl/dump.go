//go:build linux

package rtnl

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errInterrupted is a dump that the kernel has called inconsistent
// (NLM_F_DUMP_INTR) in every attempt.
var errInterrupted = errors.New("route dump interrupted by changes in every attempt")

const dumpAttempts = 5

// Dump yields the routes of table main, one for each next hop, IPv4 before
// IPv6. Protocol 0 means all. A route may be yielded again after a retry.
//
// An IPv6 dump is a hint only: while others change the table it misses and
// doubles routes, and the kernel does not say so. Confirm with Match.
func (c *Conn) Dump(ctx context.Context, protocol uint8, yield func(Route)) error {
	return c.dumpBoth(ctx, which{only: protocol}, yield)
}

// DumpOthers yields as Dump does, without the routes of one protocol. The kernel
// has no filter for that, so it still sends those; they are not decoded.
func (c *Conn) DumpOthers(ctx context.Context, protocol uint8, yield func(Route)) error {
	return c.dumpBoth(ctx, which{except: protocol}, yield)
}

// which routes are wanted, by protocol; 0 does not matter.
type which struct{ only, except uint8 }

func (c *Conn) dumpBoth(ctx context.Context, w which, yield func(Route)) error {
	for _, fam := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := c.dumpFamily(ctx, fam, w, yield); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) dumpFamily(ctx context.Context, fam uint8, w which, yield func(Route)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range dumpAttempts {
		if err := ctx.Err(); err != nil {
			return err
		}
		interrupted, err := c.dumpOnce(fam, w, yield)
		if err != nil {
			c.drain()
			return fmt.Errorf("dump table main: %w", err)
		}
		if !interrupted {
			return nil
		}
	}
	return errInterrupted
}

func (c *Conn) dumpOnce(fam uint8, w which, yield func(Route)) (interrupted bool, err error) {
	d := dump{conn: c, seq: c.begin(1), which: w, yield: yield}
	c.out = appendDump(c.out, request{kind: unix.RTM_GETROUTE, seq: d.seq}, fam, w.only)
	if err := c.send(1); err != nil {
		return false, err
	}
	// Each recv makes the kernel dump the next part, so EAGAIN cannot come
	// before NLMSG_DONE.
	for range shortDump {
		b, err := c.receive(c.in)
		if err != nil {
			return false, err
		}
		if done, err := d.take(b); done || err != nil {
			return d.interrupted, err
		}
	}
	err = c.readAhead(d.take)
	return d.interrupted, err
}

// shortDump is the number of parts, of up to 32 KiB, from which on the next is
// read while one is taken.
const shortDump = 2

// readAhead gives take the parts of a dump until it is done. The kernel makes
// a part during recv, which costs as much as to take one: a second goroutine
// does it meanwhile.
func (c *Conn) readAhead(take func([]byte) (done bool, err error)) error {
	type part struct {
		b   []byte
		err error
	}
	if c.second == nil {
		c.second = make([]byte, receiveLen)
	}
	free, parts := make(chan []byte, 2), make(chan part, 1)
	free <- c.in
	free <- c.second
	go func() {
		defer close(parts)
		for buf := range free {
			b, err := c.receive(buf)
			parts <- part{b, err}
			if err != nil {
				return
			}
		}
	}()
	// The socket is the caller's again when the other goroutine has ended.
	defer func() {
		close(free)
		for range parts {
		}
	}()
	for p := range parts {
		if p.err != nil {
			return p.err
		}
		if done, err := take(p.b); done || err != nil {
			return err
		}
		free <- p.b[:receiveLen]
	}
	return nil
}

// dump is one under way.
type dump struct {
	which
	conn        *Conn
	seq         uint32
	yield       func(Route)
	interrupted bool
}

// take yields the routes of one datagram.
func (d *dump) take(b []byte) (done bool, err error) {
	for m, err := range messages(b) {
		if err != nil {
			return false, err
		}
		if m.seq != d.seq {
			continue
		}
		d.interrupted = d.interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
		switch m.kind {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			return true, dumpEnd(m)
		case unix.RTM_NEWROUTE:
			const protocolAt = 5 // in rtmsg
			if d.except != 0 && len(m.body) > protocolAt && m.body[protocolAt] == d.except {
				continue
			}
			err := decodeRoute(m.body, func(r Route) {
				if r.Table == unix.RT_TABLE_MAIN && (d.only == 0 || r.Protocol == d.only) {
					if !r.Plain() {
						r.Object = d.conn.named(r, m.body)
					}
					d.yield(r)
				}
			})
			if err != nil {
				return false, err
			}
		}
	}
	return false, nil
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
