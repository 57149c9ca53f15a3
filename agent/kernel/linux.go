//go:build linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/hcsroute/hcsroute/agent/rtnl"
)

const (
	// echoLimit is the longest batch for which the kernel describes each change
	// at once; longer ones are cheaper to read back by a dump.
	echoLimit = 64
	// eventBacklog is the number of events that may wait for the reader; more
	// wait in the socket's buffer.
	eventBacklog = 1024

	minProtocol, maxProtocol = 130, 185
)

// Linux is the kernel of the network namespace in which it was opened.
type Linux struct {
	conn     *rtnl.Conn
	protocol uint8
}

// Open opens the kernel for routes of the given rtm_protocol, 130..185: a
// range that the kernel, routing daemons and network managers leave alone.
func Open(protocol uint8) (*Linux, error) {
	if protocol < minProtocol || protocol > maxProtocol {
		return nil, fmt.Errorf("route protocol %d: not in %d..%d", protocol, minProtocol, maxProtocol)
	}
	conn, err := rtnl.Dial(protocol)
	if err != nil {
		return nil, err
	}
	return &Linux{conn: conn, protocol: protocol}, nil
}

// Close releases the command socket. Subscriptions end with their contexts.
func (k *Linux) Close() error { return k.conn.Close() }

// Protocol implements Kernel.
func (k *Linux) Protocol() uint8 { return k.protocol }

// Stats counts the command socket's system calls.
func (k *Linux) Stats() rtnl.Stats { return k.conn.Stats() }

// List implements Kernel; the kernel filters by protocol.
func (k *Linux) List(ctx context.Context, yield func(Route)) error {
	return k.conn.Dump(ctx, k.protocol, yield)
}

// Survey implements Kernel.
func (k *Linux) Survey(ctx context.Context, yield func(Route)) error {
	return k.conn.Dump(ctx, 0, yield)
}

// Apply implements Kernel. Up to 64 ops are read back one by one.
func (k *Linux) Apply(ctx context.Context, ops []Op, results []Result) ([]Result, error) {
	return k.conn.Do(ctx, ops, results, len(ops) <= echoLimit)
}

// Match implements Kernel.
func (k *Linux) Match(ctx context.Context, addrs []netip.Addr) ([][]Route, error) {
	return k.conn.Match(ctx, addrs)
}

// Rules implements Kernel.
func (k *Linux) Rules(ctx context.Context) ([]Rule, error) { return k.conn.Rules(ctx) }

// Lookup implements Kernel.
func (k *Linux) Lookup(ctx context.Context, addr netip.Addr) (Path, error) {
	via, found, err := k.conn.Resolve(ctx, addr)
	if err != nil {
		return Path{}, err
	}
	if !found {
		return k.refusal(ctx, addr, via.Type)
	}
	p := pathOf(via)
	p.Found = true
	if err := p.onLink(); err != nil {
		return Path{}, err
	}
	match, err := k.conn.Match(ctx, []netip.Addr{addr})
	if err != nil || len(match[0]) == 0 || !match[0][0].Destination.IsValid() {
		return p, err
	}
	r := match[0][0]
	p.Destination, p.Protocol, p.Metric, p.Table = r.Destination, r.Protocol, r.Metric, r.Table
	return p, nil
}

func pathOf(r Route) Path {
	return Path{Type: r.Type, Destination: r.Destination, NextHop: r.NextHop, Link: r.Link, Protocol: r.Protocol, Metric: r.Metric, Table: r.Table}
}

// refusal finds the route of table main that refuses packets to addr: the
// kernel's answer to a look-up is an errno only. For a throw the errno is the
// same as for no route at all.
func (k *Linux) refusal(ctx context.Context, addr netip.Addr, kind uint8) (Path, error) {
	var best Route
	err := k.conn.Dump(ctx, 0, func(r Route) {
		if r.Traits&rtnl.Selective != 0 || !r.Destination.Contains(addr) {
			return
		}
		if !best.Destination.IsValid() || r.Destination.Bits() > best.Destination.Bits() ||
			r.Destination.Bits() == best.Destination.Bits() && r.Metric < best.Metric {
			best = r
		}
	})
	if kind == 0 {
		kind = rtnl.TypeThrow
	}
	switch {
	case err == nil && best.Type == kind:
		return pathOf(best), nil
	case kind == rtnl.TypeThrow:
		kind = 0
	}
	return Path{Type: kind}, err
}

// Watch implements Kernel. An Overrun event does not end the subscription.
func (k *Linux) Watch(ctx context.Context) (<-chan Event, error) {
	w, err := rtnl.Subscribe(k.conn.Port())
	if err != nil {
		return nil, err
	}
	events := make(chan Event, eventBacklog)
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	go func() {
		defer close(events)
		defer func() {
			if stop() {
				_ = w.Close()
			}
		}()
		forward(ctx, w, events)
	}()
	return events, nil
}

// forward passes events on until the subscription ends. Where it does not end
// with ctx, an Overrun is the last event.
func forward(ctx context.Context, w *rtnl.Watch, events chan<- Event) {
	var batch []Event
	for {
		var err error
		batch, err = w.Next(batch[:0])
		if err != nil && !errors.Is(err, os.ErrClosed) {
			batch = append(batch, Event{Kind: Overrun})
		}
		for _, e := range batch {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}
