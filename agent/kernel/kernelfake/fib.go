package kernelfake

import (
	"fmt"
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// insert adds a route as Linux does, or says why not. Linux looks at the next
// hop before it looks at the key.
func (k *Kernel) insert(r kernel.Route, kind rtnl.Kind) *kernel.OpError {
	if r.Destination.Addr().Is4() && r.Destination != r.Destination.Masked() {
		return &kernel.OpError{Errno: kernel.EINVAL, Message: "Invalid prefix for given prefix length"}
	}
	r.Destination = r.Destination.Masked()
	if refusal := k.checkHop(r); refusal != nil {
		return refusal
	}
	held := slices.ContainsFunc(k.routes, func(o kernel.Route) bool { return sameKey(o, r) })
	same := slices.ContainsFunc(k.routes, func(o kernel.Route) bool {
		return sameKey(o, r) && o.FIBEntry == r.FIBEntry && (r.Destination.Addr().Is6() || o.Protocol == r.Protocol && o.Plain())
	})
	if kind == rtnl.Add && held || same {
		return &kernel.OpError{Errno: kernel.EEXIST}
	}
	k.routes = append(k.routes, r)
	return nil
}

// sameKey reports whether the kernel keeps one route for both.
func sameKey(a, b kernel.Route) bool {
	return a.Key() == b.Key() && a.Table == b.Table && (a.Traits^b.Traits)&rtnl.Selective == 0
}

// together reports whether Linux describes both in one message: the next hops of
// one route, and the IPv6 routes of one kernel key that have a gateway.
func together(a, b kernel.Route) bool {
	if a.Object != "" || b.Object != "" {
		return a.Object == b.Object
	}
	grouped := func(r kernel.Route) bool {
		return r.Destination.Addr().Is6() && !r.NextHop.IsUnspecified() && r.Type == kernel.TypeUnicast && r.NextHopID == 0
	}
	return sameKey(a, b) && grouped(a) && grouped(b)
}

// described are the routes in a message about routes[i]: itself first, then the
// others of its group, without their protocols.
func (k *Kernel) described(i int) []kernel.Route {
	r := k.routes[i]
	r.Object = k.name(r)
	all := []kernel.Route{r}
	for j, o := range k.routes {
		if j != i && together(k.routes[i], o) {
			o.Joined = o.Object == ""
			o.Protocol = r.Protocol
			all = append(all, o)
		}
	}
	for n := range all {
		all[n].Legs, all[n].Leg = uint16(len(all)), uint16(n)
		if all[n].Joined || len(all) > 1 && all[n].Traits&rtnl.Multipath == 0 {
			all[n].Object = ""
		}
	}
	return all
}

// name is the object name that is shown: only routes of ours have one.
func (k *Kernel) name(r kernel.Route) string {
	if r.Protocol != k.protocol {
		return ""
	}
	return r.Object
}

// shown are the routes of table main as a dump shows them.
func (k *Kernel) shown() (all []kernel.Route) {
	for i, r := range k.routes {
		if r.Table != kernel.TableMain || slices.ContainsFunc(k.routes[:i], func(o kernel.Route) bool { return together(o, r) }) {
			continue
		}
		all = append(all, k.described(i)...)
	}
	return all
}

// checkHop judges link and next hop.
func (k *Kernel) checkHop(r kernel.Route) *kernel.OpError {
	v6, device := r.Destination.Addr().Is6(), r.NextHop.IsUnspecified()
	l, ok := k.links[r.Link]
	switch {
	case !ok && (v6 || device):
		return &kernel.OpError{Errno: kernel.ENODEV}
	case !ok:
		return &kernel.OpError{Errno: kernel.ENETUNREACH, Message: "Nexthop has invalid gateway"}
	case device && !l.Up:
		return &kernel.OpError{Errno: kernel.ENETDOWN, Message: "Device for nexthop is not up"}
	case device, v6 && l.Up && r.NextHop.IsLinkLocalUnicast():
		return nil
	}
	onLink := slices.ContainsFunc(k.routes, func(o kernel.Route) bool {
		return o.Link == r.Link && o.NextHop.IsUnspecified() && o.Destination.Contains(r.NextHop)
	})
	if onLink && l.Up {
		return nil
	}
	if v6 {
		return &kernel.OpError{Errno: kernel.EHOSTUNREACH}
	}
	return &kernel.OpError{Errno: kernel.ENETUNREACH, Message: "Nexthop has invalid gateway"}
}

// remove deletes exactly r: by its object, else by its entry. Without a
// gateway, IPv6 takes the first route of the key on that link. IPv4 knows a
// route of several next hops by its first, and does not know one by its
// entry that uses a next-hop object.
func (k *Kernel) remove(r kernel.Route) *kernel.OpError {
	v6 := r.Destination.Addr().Is6()
	i := slices.IndexFunc(k.routes, func(o kernel.Route) bool {
		switch {
		case r.Object != "":
			return o.Object == r.Object
		case !sameKey(o, r) || o.Protocol != r.Protocol || o.Link != r.Link || !v6 && o.NextHopID != 0:
			return false
		}
		return r.NextHop.IsUnspecified() && v6 || o.NextHop == r.NextHop
	})
	if i < 0 {
		return &kernel.OpError{Errno: kernel.ESRCH}
	}
	if object := k.routes[i].Object; object != "" {
		k.routes = slices.DeleteFunc(k.routes, func(o kernel.Route) bool { return o.Object == object })
	} else {
		k.routes = slices.Delete(k.routes, i, i+1)
	}
	return nil
}

// complete fills in what another process need not say, and gives a route that
// is not just its entry a name.
func (k *Kernel) complete(legs []kernel.Route) []kernel.Route {
	k.objects++
	legs = slices.Clone(legs)
	for i := range legs {
		r := &legs[i]
		r.Legs = 1
		if r.Table == 0 {
			r.Table = kernel.TableMain
		}
		if r.Type == 0 {
			r.Type = kernel.TypeUnicast
		}
		if r.Type != kernel.TypeUnicast {
			r.Traits |= rtnl.OfType
		}
		if r.NextHopID != 0 {
			r.Traits |= rtnl.ByObject
		}
		if len(legs) > 1 && (r.Destination.Addr().Is4() || r.NextHopID != 0) {
			r.Traits |= rtnl.Multipath
		}
		if !r.Plain() && (r.Destination.Addr().Is4() || r.Traits&(rtnl.OfType|rtnl.ByObject|rtnl.Selective) != 0) {
			r.Object = fmt.Sprintf("object %d", k.objects)
		}
	}
	return legs
}

// ForeignAdd adds a route as another process does, without regard to links:
// one route of several next hops for IPv4, several routes for IPv6.
func (k *Kernel) ForeignAdd(legs ...kernel.Route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	first := len(k.routes)
	k.routes = append(k.routes, k.complete(legs)...)
	k.announce(first, false)
}

// announce sends an event of an added route, for table main only.
func (k *Kernel) announce(i int, replaced bool) {
	if k.routes[i].Table != kernel.TableMain {
		return
	}
	for _, r := range k.described(i) {
		k.send(kernel.Event{Kind: kernel.RouteAdded, Port: otherPort, Replaced: replaced, Route: r})
	}
}

// ForeignReplace puts a route in the place of all with its kernel key, as
// NLM_F_REPLACE does; the kernel announces only the new one.
func (k *Kernel) ForeignReplace(legs ...kernel.Route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	legs = k.complete(legs)
	k.routes = slices.DeleteFunc(k.routes, func(o kernel.Route) bool { return sameKey(o, legs[0]) })
	first := len(k.routes)
	k.routes = append(k.routes, legs...)
	k.announce(first, true)
}

// ForeignDelete deletes matching routes as another process does, each by itself.
func (k *Kernel) ForeignDelete(match func(kernel.Route) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.routes = slices.DeleteFunc(k.routes, func(r kernel.Route) bool {
		if !match(r) {
			return false
		}
		if r.Table == kernel.TableMain {
			r.Object = k.name(r)
			k.send(kernel.Event{Kind: kernel.RouteDeleted, Port: otherPort, Route: r})
		}
		return true
	})
}

// ForeignDeleteKey deletes what has the kernel key at once, as a request
// without a next hop does: IPv6 names one protocol for all.
func (k *Kernel) ForeignDeleteKey(key routes.FIBKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.routes, func(r kernel.Route) bool { return r.Key() == key && r.Table == kernel.TableMain })
	if i < 0 {
		return
	}
	gone, first := k.described(i), k.routes[i]
	k.routes = slices.DeleteFunc(k.routes, func(r kernel.Route) bool { return r == first || together(first, r) })
	for _, r := range gone {
		k.send(kernel.Event{Kind: kernel.RouteDeleted, Port: otherPort, Route: r})
	}
}

// AskBefore has a table asked before main, as a policy rule does.
func (k *Kernel) AskBefore(table uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rules = append(k.rules, table)
	k.send(kernel.Event{Kind: kernel.RuleChanged})
}
