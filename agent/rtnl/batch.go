//go:build linux

package rtnl

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// Do carries out ops in order and appends one Result for each to results, up
// to 256 to a sendto. With echo the kernel describes each changed route on the
// same socket: Result.ReadBack. The error is of the socket; ops that were not
// sent then stay Unknown, as does all after ctx ended.
func (c *Conn) Do(ctx context.Context, ops []Op, results []Result, echo bool) ([]Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := len(results)
	for range ops {
		results = append(results, Result{})
	}
	out := results[at:]
	for len(ops) > 0 {
		if err := ctx.Err(); err != nil {
			return results, err
		}
		n := min(len(ops), batchLimit)
		if err := c.doBatch(ops[:n], out[:n], echo); err != nil {
			return results, err
		}
		ops, out = ops[n:], out[n:]
	}
	return results, nil
}

func (c *Conn) doBatch(ops []Op, out []Result, echo bool) error {
	first := c.begin(len(ops))
	last, sent := uint32(0), 0
	for i := range ops {
		if err := checkOp(ops[i]); err != nil {
			out[i] = Result{State: Failed, Err: err}
			continue
		}
		last, sent = first+uint32(i), sent+1
	}
	if sent == 0 {
		return nil
	}
	for i := range ops {
		if out[i].State == Failed {
			continue
		}
		req := request{kind: unix.RTM_NEWROUTE, seq: first + uint32(i)}
		switch ops[i].Kind {
		case Add:
			req.flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
		case Append:
			req.flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
		case Delete:
			req.kind = unix.RTM_DELROUTE
		}
		if echo {
			req.flags |= unix.NLM_F_ECHO
		}
		if req.seq == last {
			req.flags |= unix.NLM_F_ACK
		}
		protocol := c.protocol
		if ops[i].Kind == Delete && ops[i].Protocol != 0 {
			protocol = ops[i].Protocol
		}
		c.out = appendRoute(c.out, req, ops[i], protocol)
	}
	if err := c.send(sent); err != nil {
		return fmt.Errorf("send %d route changes: %w", sent, err)
	}
	return c.collect(answers{ops: ops, out: out, first: first, last: last, protocol: c.protocol})
}

// answers are the kernel's answers to a batch so far.
type answers struct {
	ops         []Op
	out         []Result
	first, last uint32 // sequence numbers
	protocol    uint8
	acked, lost bool
}

// collect reads until the last message has been answered. The kernel works
// through a batch in order, so that answer proves the ones before, as long as
// none was lost.
func (c *Conn) collect(a answers) error {
	for !a.acked {
		b, err := c.receive(c.in)
		if errors.Is(err, unix.ENOBUFS) {
			a.lost = true
			continue
		}
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return fmt.Errorf("receive answers to route changes: %w", err)
		}
		for m, err := range messages(b) {
			if err == nil {
				err = a.take(m)
			}
			if err != nil {
				return fmt.Errorf("receive answers to route changes: %w", err)
			}
		}
	}
	if !a.acked || a.lost {
		return nil
	}
	for i := range a.out {
		if a.out[i].State == Unknown {
			a.out[i].State = Done
		}
	}
	return nil
}

// take notes one answer; those of an earlier, given up batch are dropped.
func (a *answers) take(m message) error {
	i := m.seq - a.first
	if uint64(i) >= uint64(len(a.ops)) {
		return nil
	}
	switch m.kind {
	case unix.NLMSG_ERROR:
		errno, text, err := decodeError(m)
		if err != nil {
			return err
		}
		a.acked = a.acked || m.seq == a.last
		if errno != 0 {
			a.out[i] = Result{State: Failed, Err: &OpError{Op: a.ops[i], Errno: errno, Message: text}}
		} else {
			a.out[i].State = Done
		}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		op := a.ops[i]
		if (m.kind == unix.RTM_DELROUTE) != (op.Kind == Delete) {
			return nil
		}
		return decodeRoute(m.body, func(r Route) {
			if describes(r, op, a.protocol) || op.Object != "" && op.Object == string(canonical(m.body)) {
				a.out[i].ReadBack, a.out[i].Flags = true, r.Flags
			}
		})
	}
	return nil
}

// describes reports whether r is what op was to add or delete. To IPv6, a route
// with traits is the same as one without.
func describes(r Route, op Op, protocol uint8) bool {
	if op.Protocol != 0 {
		protocol = op.Protocol
	}
	return op.Object == "" && r.FIBEntry == op.Entry && r.Table == unix.RT_TABLE_MAIN && r.Protocol == protocol && !r.Joined &&
		(r.Plain() || op.Kind == Delete && !r.NextHop.Is4())
}

// checkOp refuses what the encoder cannot express.
func checkOp(op Op) error {
	if op.Kind == Delete && op.Object != "" || validEntry(op.Entry) && op.Kind >= Add && op.Kind <= Delete {
		return nil
	}
	return &OpError{Op: op, Errno: unix.EINVAL, Message: "not sent: destination and next hop must be of one family, the link an index"}
}

func validEntry(e routes.FIBEntry) bool {
	return e.Destination.IsValid() && e.NextHop.IsValid() && e.Link >= 0 &&
		e.Destination.Addr().BitLen() == e.NextHop.BitLen()
}
