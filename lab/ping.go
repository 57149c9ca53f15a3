//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// PingOptions say how to ping. The zero value sends one request and waits three
// seconds for its answer.
type PingOptions struct {
	Count int
	// Timeout is for each request.
	Timeout time.Duration
	// Source is the address to send from, if it matters.
	Source netip.Addr
}

// PingResult is what came back.
type PingResult struct {
	Sent, Received int
	// RTT is the shortest round trip.
	RTT time.Duration
	// Unreachable is who last answered that the destination is not reachable.
	// It is not valid if none did.
	Unreachable netip.Addr
	// Problem is what the own kernel said to a request that it did not send.
	Problem error
}

// OK reports whether every request was answered.
func (r PingResult) OK() bool { return r.Sent > 0 && r.Received == r.Sent }

// String is for logs and for people.
func (r PingResult) String() string {
	switch {
	case r.Received > 0:
		return fmt.Sprintf("%d of %d answered, %v", r.Received, r.Sent, r.RTT.Round(time.Microsecond))
	case r.Problem != nil:
		return fmt.Sprintf("not sent: %v", r.Problem)
	case r.Unreachable.IsValid():
		return fmt.Sprintf("unreachable, says %v", r.Unreachable)
	}
	return fmt.Sprintf("no answer to %d", r.Sent)
}

// Ping sends ICMP echo requests from the namespace to dst. An unreachable
// destination is a result, not an error.
func Ping(ctx context.Context, ns *NS, dst netip.Addr, o PingOptions) (PingResult, error) {
	o.Count = max(o.Count, 1)
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	dst = dst.Unmap()
	p := pinger{dst: dst, id: uint16(rand.Uint32()), timeout: o.Timeout}
	var err error
	if p.to, err = ns.ipAddr(dst); err != nil {
		return PingResult{}, err
	}
	if p.conn, err = ns.listenICMP(ctx, dst, o.Source); err != nil {
		return PingResult{}, fmt.Errorf("lab: ping %s from %s: %w", dst, ns.name, err)
	}
	defer p.conn.Close()
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()

	var r PingResult
	for seq := range o.Count {
		if err := p.once(uint16(seq), &r); err != nil {
			return r, fmt.Errorf("lab: ping %s from %s: %w", dst, ns.name, errors.Join(context.Cause(ctx), err))
		}
	}
	return r, nil
}

// ipAddr returns dst for a socket in the namespace: the zone of a link-local
// address is a link there, not in the caller's namespace.
func (n *NS) ipAddr(dst netip.Addr) (*net.IPAddr, error) {
	a := &net.IPAddr{IP: dst.AsSlice(), Zone: dst.Zone()}
	if _, err := strconv.Atoi(a.Zone); a.Zone == "" || err == nil {
		return a, nil
	}
	link, err := n.Link(a.Zone)
	if err != nil {
		return nil, err
	}
	a.Zone = strconv.Itoa(link.Attrs().Index)
	return a, nil
}

func (n *NS) listenICMP(ctx context.Context, dst, source netip.Addr) (net.PacketConn, error) {
	network, local := "ip4:1", "0.0.0.0"
	if dst.Is6() {
		network, local = "ip6:58", "::"
	}
	if source.IsValid() {
		local = source.String()
	}
	var conn net.PacketConn
	err := n.Do(func() error {
		var err error
		conn, err = (&net.ListenConfig{}).ListenPacket(ctx, network, local)
		return err
	})
	return conn, err
}

// pinger is a socket that sends to one destination.
type pinger struct {
	conn    net.PacketConn
	dst     netip.Addr
	to      *net.IPAddr
	id      uint16
	timeout time.Duration
}

// once sends one request and waits for its answer.
func (p *pinger) once(seq uint16, r *PingResult) error {
	e := echo{id: p.id, seq: seq}
	start := time.Now()
	if err := p.conn.SetDeadline(start.Add(p.timeout)); err != nil {
		return err
	}
	r.Sent++
	if _, err := p.conn.WriteTo(e.request(p.dst.Is6()), p.to); err != nil {
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		r.Problem = err
		return nil
	}
	buffer := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(buffer)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case isUnreachable(err):
			// The kernel repeats an error message as the socket's error; the
			// message itself says who sent it.
			continue
		case err != nil:
			return err
		}
		switch e.match(buffer[:n], p.dst) {
		case answerReply:
			if rtt := time.Since(start); r.Received == 0 || rtt < r.RTT {
				r.RTT = rtt
			}
			r.Received++
			return nil
		case answerUnreachable:
			r.Unreachable, _ = netip.AddrFromSlice(from.(*net.IPAddr).IP)
			r.Unreachable = r.Unreachable.Unmap()
			return nil
		}
	}
}

func isUnreachable(err error) bool {
	return errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.ECONNREFUSED)
}
