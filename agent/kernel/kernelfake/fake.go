package kernelfake

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// otherPort is the netlink port of changes by others.
const otherPort = 4711

// Kernel is the fake. Its zero value is not usable: see New.
type Kernel struct {
	mu       sync.Mutex
	protocol uint8
	links    map[int32]*kernel.Link
	routes   []kernel.Route // in the kernel's order within one key, with their true protocols
	rules    []uint32       // tables that are asked before main
	objects  int
	faults   []*Fault
	watchers map[int]chan kernel.Event
	next     int
	writes   int
}

// New returns a kernel without links whose own routes carry protocol.
func New(protocol uint8) *Kernel {
	return &Kernel{protocol: protocol, links: make(map[int32]*kernel.Link), watchers: make(map[int]chan kernel.Event)}
}

// Protocol implements kernel.Kernel.
func (k *Kernel) Protocol() uint8 { return k.protocol }

// Writes is the number of changes that Apply was asked for.
func (k *Kernel) Writes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.writes
}

// List implements kernel.Kernel.
func (k *Kernel) List(ctx context.Context, yield func(kernel.Route)) error {
	return k.read(ctx, OnList, func(r kernel.Route) {
		if r.Protocol == k.protocol {
			yield(r)
		}
	})
}

// Survey implements kernel.Kernel.
func (k *Kernel) Survey(ctx context.Context, yield func(kernel.Route)) error {
	return k.read(ctx, OnSurvey, yield)
}

func (k *Kernel) read(ctx context.Context, on Point, yield func(kernel.Route)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k.mu.Lock()
	fault := k.fault(on, 0)
	all := k.shown()
	k.mu.Unlock()
	if fault != nil && fault.Err != nil {
		return fault.Err
	}
	if fault != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(fault.Delay):
		}
	}
	slices.SortStableFunc(all, func(a, b kernel.Route) int {
		return cmp.Or(cmp.Compare(a.Destination.Addr().BitLen(), b.Destination.Addr().BitLen()), a.Destination.Addr().Compare(b.Destination.Addr()))
	})
	for _, r := range all {
		if fault != nil && fault.HideIPv6 && r.Destination.Addr().Is6() {
			continue
		}
		yield(r)
	}
	return nil
}

// Apply implements kernel.Kernel.
func (k *Kernel) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	if err := ctx.Err(); err != nil {
		return results, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	const echoLimit = 64 // as the real one
	for _, op := range ops {
		k.writes++
		fault := k.fault(OnApply, op.Kind)
		if fault != nil && fault.Errno != 0 {
			results = append(results, kernel.Result{State: kernel.Failed, Err: &kernel.OpError{Op: op, Errno: fault.Errno, Message: fault.Message}})
			continue
		}
		if fault != nil && fault.Drop {
			results = append(results, kernel.Result{})
			continue
		}
		result := k.execute(op)
		if fault != nil && fault.LoseAnswer {
			result = kernel.Result{}
		}
		result.ReadBack = result.State == kernel.Done && len(ops) <= echoLimit
		results = append(results, result)
	}
	return results, nil
}

func (k *Kernel) execute(op kernel.Op) kernel.Result {
	r := kernel.Route{FIBEntry: op.Entry, Protocol: k.protocol, Type: kernel.TypeUnicast, Table: kernel.TableMain, Legs: 1}
	if op.Kind == kernel.Delete && op.Protocol != 0 {
		r.Protocol = op.Protocol
	}
	r.Object = op.Object
	var refusal *kernel.OpError
	if op.Kind == kernel.Delete {
		refusal = k.remove(r)
	} else {
		refusal = k.insert(r, op.Kind)
	}
	if refusal != nil {
		refusal.Op = op
		return kernel.Result{State: kernel.Failed, Err: refusal}
	}
	return kernel.Result{State: kernel.Done}
}

// Match implements kernel.Kernel: the tables in the order of the rules, the
// longest prefix, then the lowest metric, with all next hops of the route.
func (k *Kernel) Match(ctx context.Context, addrs []netip.Addr) ([][]kernel.Route, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if fault := k.fault(OnMatch, 0); fault != nil {
		return nil, fault.Err
	}
	out := make([][]kernel.Route, len(addrs))
	for i, a := range addrs {
		out[i] = k.match(a)
	}
	return out, nil
}

func (k *Kernel) match(a netip.Addr) (best []kernel.Route) {
	for _, table := range append(slices.Clone(k.rules), kernel.TableMain) {
		for _, r := range k.routes {
			switch {
			case r.Table != table, r.Traits&rtnl.Selective != 0, !r.Destination.Contains(a):
			case len(best) == 0, r.Destination.Bits() > best[0].Destination.Bits(),
				r.Destination.Bits() == best[0].Destination.Bits() && r.Metric < best[0].Metric:
				best = []kernel.Route{r}
			case together(best[0], r):
				best = append(best, r)
			}
		}
		if len(best) > 0 && best[0].Type != rtnl.TypeThrow {
			break
		}
		best = nil
	}
	if len(best) == 0 {
		return nil
	}
	if refuses(best[0].Type) {
		return []kernel.Route{{Type: best[0].Type, Traits: rtnl.OfType, Legs: 1}}
	}
	if a.Is6() && best[0].Object == "" { // the hash of the addresses chooses
		chosen := int(a.As16()[15]) % len(best)
		best = slices.Concat(best[chosen:chosen+1], best[:chosen], best[chosen+1:])
	}
	for i := range best {
		best[i].Legs, best[i].Leg, best[i].Object = uint16(len(best)), uint16(i), k.name(best[i])
	}
	return best
}

// refuses is true for the types of routes that a look-up answers with an errno.
func refuses(kind uint8) bool {
	return kind == rtnl.TypeBlackhole || kind == rtnl.TypeUnreachable || kind == rtnl.TypeProhibit
}

// Rules implements kernel.Kernel: Linux' own, and those before main.
func (k *Kernel) Rules(ctx context.Context) (all []kernel.Rule, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		rule := kernel.Rule{V4: any.Is4(), Action: rtnl.ToTable, Table: 255, To: netip.PrefixFrom(any, 0)}
		all = append(all, rule)
		for i, table := range k.rules {
			rule.Priority, rule.Table = uint32(i+1), table
			all = append(all, rule)
		}
		rule.Priority, rule.Table = 32766, kernel.TableMain
		all = append(all, rule)
		if rule.V4 {
			rule.Priority, rule.Table = 32767, 253
			all = append(all, rule)
		}
	}
	return all, ctx.Err()
}

// Links implements kernel.Kernel.
func (k *Kernel) Links(ctx context.Context) ([]kernel.Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if fault := k.fault(OnLinks, 0); fault != nil {
		return nil, fault.Err
	}
	all := make([]kernel.Link, 0, len(k.links))
	for _, l := range k.links {
		link := *l
		link.Addresses = slices.Clone(l.Addresses)
		for _, r := range k.routes {
			if r.Link == l.Index && r.Protocol != k.protocol && r.Table == kernel.TableMain && r.NextHop.IsUnspecified() && r.Destination.Bits() > 0 {
				link.Connected = append(link.Connected, routes.ConnectedRoute{Prefix: r.Destination, Metric: r.Metric})
			}
		}
		all = append(all, link)
	}
	slices.SortFunc(all, func(a, b kernel.Link) int { return cmp.Compare(a.Index, b.Index) })
	return all, nil
}

// Lookup implements kernel.Kernel.
func (k *Kernel) Lookup(ctx context.Context, addr netip.Addr) (kernel.Path, error) {
	got, err := k.Match(ctx, []netip.Addr{addr})
	if err != nil || len(got[0]) == 0 {
		return kernel.Path{}, err
	}
	r := got[0][0]
	k.mu.Lock()
	defer k.mu.Unlock()
	if refuses(r.Type) {
		return k.refusal(addr, r.Type), nil
	}
	return kernel.Path{
		Found: true, Type: r.Type, Destination: r.Destination, NextHop: r.NextHop, Link: r.Link, LinkName: k.links[r.Link].Name, LinkMAC: k.links[r.Link].MAC,
		Protocol: r.Protocol, Metric: r.Metric, Table: r.Table,
	}, nil
}

// refusal is the path of a packet that a route refuses.
func (k *Kernel) refusal(addr netip.Addr, kind uint8) kernel.Path {
	p := kernel.Path{Type: kind}
	for _, r := range k.routes {
		if r.Table == kernel.TableMain && r.Type == kind && r.Destination.Contains(addr) && (!p.Destination.IsValid() || r.Destination.Bits() > p.Destination.Bits()) {
			p = kernel.Path{Type: kind, Destination: r.Destination, NextHop: r.NextHop, Link: r.Link, Protocol: r.Protocol, Metric: r.Metric, Table: r.Table}
		}
	}
	return p
}

// Watch implements kernel.Kernel.
func (k *Kernel) Watch(ctx context.Context) (<-chan kernel.Event, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if fault := k.fault(OnWatch, 0); fault != nil {
		return nil, fault.Err
	}
	const backlog = 1 << 14 // beyond it, events are lost as in a socket's buffer
	events, id := make(chan kernel.Event, backlog), k.next
	k.next++
	k.watchers[id] = events
	context.AfterFunc(ctx, func() { k.unwatch(id) })
	return events, nil
}

func (k *Kernel) unwatch(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if events, ok := k.watchers[id]; ok {
		delete(k.watchers, id)
		close(events)
	}
}

// EndWatch ends all subscriptions, as a fatal error of their sockets does.
func (k *Kernel) EndWatch() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, events := range k.watchers {
		delete(k.watchers, id)
		close(events)
	}
}

// Overrun delivers an Overrun event.
func (k *Kernel) Overrun() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.send(kernel.Event{Kind: kernel.Overrun})
}

// send sends an event to all watchers. A fault on OnEvent loses it silently.
func (k *Kernel) send(e kernel.Event) {
	if e.Kind != kernel.Overrun && k.fault(OnEvent, 0) != nil {
		return
	}
	for _, events := range k.watchers {
		select {
		case events <- e:
		default:
		}
	}
}
