package table

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// gate is the real kernel behind a gate. Closed, it stops the agent as SIGSTOP
// does, in the middle of whatever it does, or of a comparison; deaf, it loses
// notifications, which the kernel then reports as an overrun.
type gate struct {
	*kernel.Linux
	mu      sync.RWMutex // held for writing while the gate is closed
	reading sync.RWMutex // the same for comparisons alone
	deaf    atomic.Bool
	lost    atomic.Bool
}

func (g *gate) pass() func() { g.mu.RLock(); return g.mu.RUnlock }

func (g *gate) read(ctx context.Context, yield func(kernel.Route), all func(context.Context, func(kernel.Route)) error) error {
	defer g.pass()()
	g.reading.RLock()
	defer g.reading.RUnlock()
	return all(ctx, yield)
}

func (g *gate) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	defer g.pass()()
	return g.Linux.Apply(ctx, ops, results)
}

func (g *gate) List(ctx context.Context, yield func(kernel.Route)) error {
	return g.read(ctx, yield, g.Linux.List)
}

func (g *gate) Survey(ctx context.Context, yield func(kernel.Route)) error {
	return g.read(ctx, yield, g.Linux.Survey)
}

func (g *gate) Match(ctx context.Context, addrs []netip.Addr) ([][]kernel.Route, error) {
	defer g.pass()()
	return g.Linux.Match(ctx, addrs)
}

func (g *gate) Links(ctx context.Context) ([]kernel.Link, error) {
	defer g.pass()()
	return g.Linux.Links(ctx)
}

func (g *gate) Watch(ctx context.Context) (<-chan kernel.Event, error) {
	defer g.pass()()
	in, err := g.Linux.Watch(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan kernel.Event, 1024)
	go func() {
		defer close(out)
		for e := range in {
			if g.heard(&e) {
				select {
				case out <- e:
				case <-ctx.Done():
				}
			}
		}
	}()
	return out, nil
}

// heard says whether an event comes through; the first after a loss is the
// overrun that reports it.
func (g *gate) heard(e *kernel.Event) bool {
	if g.deaf.Load() {
		g.lost.Store(true)
		return false
	}
	if g.lost.CompareAndSwap(true, false) {
		*e = kernel.Event{Kind: kernel.Overrun}
	}
	return true
}

// hop is a next hop in table main, as an independent reader sees it.
type hop struct {
	dst      netip.Prefix
	metric   int
	via      netip.Addr // unspecified: none
	link     int
	kind     int // rtm_type
	protocol int
	legs     int    // next hops of the same route
	extra    string // what a route of ours never has
	flags    int
}

func (h hop) String() string {
	return fmt.Sprintf("%s via %s dev %d metric %d type %d proto %d legs %d flags %#x %s", h.dst, h.via, h.link, h.metric, h.kind, h.protocol, h.legs, h.flags, h.extra)
}

// id is what distinguishes the hops of other managers.
type id struct {
	dst    netip.Prefix
	metric int
	via    netip.Addr
	kind   int
}

func (h hop) id() id { return id{h.dst, h.metric, h.via, h.kind} }

// readMain is table main without the kernel's own routes, by another library
// than the agent's.
func readMain(t testing.TB) (all []hop) {
	t.Helper()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		list, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		ok(t, err)
		for _, r := range list {
			if int(r.Protocol) != unix.RTPROT_KERNEL && r.Dst != nil {
				all = append(all, hopsOf(r)...)
			}
		}
	}
	return all
}

func hopsOf(r netlink.Route) (all []hop) {
	base := hop{dst: prefixOf(r.Dst), metric: r.Priority, kind: r.Type, protocol: int(r.Protocol), link: r.LinkIndex, via: viaOf(r.Gw, r.Dst), legs: 1, flags: r.Flags}
	if r.MTU != 0 || r.AdvMSS != 0 || r.NHID != 0 || r.Tos != 0 || r.Src != nil {
		base.extra = fmt.Sprintf("mtu %d advmss %d nhid %d tos %d src %v", r.MTU, r.AdvMSS, r.NHID, r.Tos, r.Src)
	}
	if len(r.MultiPath) == 0 {
		return []hop{base}
	}
	for _, leg := range r.MultiPath {
		h := base
		h.via, h.link, h.legs, h.flags = viaOf(leg.Gw, r.Dst), leg.LinkIndex, len(r.MultiPath), leg.Flags
		all = append(all, h)
	}
	return all
}

func prefixOf(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if size == 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits)
}

func viaOf(gw net.IP, dst *net.IPNet) netip.Addr {
	if a, ok := netip.AddrFromSlice(gw); ok {
		return a.Unmap()
	}
	if prefixOf(dst).Addr().Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// answer is the route that the kernel takes for an address, whatever the table.
func answer(t testing.TB, a netip.Addr) (h hop, table int, found bool) {
	t.Helper()
	list, err := netlink.RouteGetWithOptions(a.AsSlice(), &netlink.RouteGetOptions{FIBMatch: true})
	if err != nil || len(list) == 0 || list[0].Dst == nil {
		return hop{}, 0, false
	}
	resolved, err := netlink.RouteGet(a.AsSlice())
	if err != nil || len(resolved) == 0 {
		return hopsOf(list[0])[0], 0, true
	}
	return hopsOf(list[0])[0], resolved[0].Table, true
}

// theirs makes another manager's route out of a hop.
func theirs(h hop) *netlink.Route {
	r := &netlink.Route{
		Dst:      &net.IPNet{IP: h.dst.Addr().AsSlice(), Mask: net.CIDRMask(h.dst.Bits(), h.dst.Addr().BitLen())},
		Priority: h.metric, Protocol: netlink.RouteProtocol(h.protocol), Type: h.kind, Table: unix.RT_TABLE_MAIN,
	}
	if h.kind == unix.RTN_UNICAST {
		r.Gw, r.LinkIndex = h.via.AsSlice(), h.link
	}
	return r
}
