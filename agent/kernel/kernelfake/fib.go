package kernelfake

import (
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
	held := slices.ContainsFunc(k.routes, func(o kernel.Route) bool { return o.Key() == r.Key() })
	same := slices.ContainsFunc(k.routes, func(o kernel.Route) bool {
		return o.FIBEntry == r.FIBEntry && (o.Protocol == r.Protocol || r.Destination.Addr().Is6())
	})
	if kind == rtnl.Add && held || same {
		return &kernel.OpError{Errno: kernel.EEXIST}
	}
	k.routes = append(k.routes, r)
	return nil
}

// shown are the routes as Linux shows them: the next hops of an IPv6 multipath
// route all with the protocol of the first.
func (k *Kernel) shown() []kernel.Route {
	all := slices.Clone(k.routes)
	first := make(map[routes.FIBKey]uint8)
	for i, r := range all {
		if r.Destination.Addr().Is4() || r.NextHop.IsUnspecified() {
			continue
		}
		if p, ok := first[r.Key()]; ok {
			all[i].Protocol = p
		} else {
			first[r.Key()] = r.Protocol
		}
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

// remove deletes exactly r. Without a gateway, IPv6 takes the first route of
// the key on that link.
func (k *Kernel) remove(r kernel.Route) *kernel.OpError {
	i := slices.IndexFunc(k.routes, func(o kernel.Route) bool {
		anyHop := r.NextHop.IsUnspecified() && r.Destination.Addr().Is6()
		return o.Key() == r.Key() && o.Protocol == r.Protocol && o.Link == r.Link && (anyHop || o.NextHop == r.NextHop)
	})
	if i < 0 {
		return &kernel.OpError{Errno: kernel.ESRCH}
	}
	k.routes = slices.Delete(k.routes, i, i+1)
	return nil
}

// ForeignAdd adds a route as another process does, without regard to links.
func (k *Kernel) ForeignAdd(r kernel.Route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Table, r.Type = kernel.TableMain, kernel.TypeUnicast
	k.routes = append(k.routes, r)
	k.tell(kernel.Event{Kind: kernel.RouteAdded, Port: otherPort, Route: r})
}

// ForeignReplace puts a route in the place of all with its kernel key, as
// NLM_F_REPLACE does; the kernel tells of the new one only.
func (k *Kernel) ForeignReplace(r kernel.Route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Table, r.Type = kernel.TableMain, kernel.TypeUnicast
	k.routes = slices.DeleteFunc(k.routes, func(o kernel.Route) bool { return o.Key() == r.Key() })
	k.routes = append(k.routes, r)
	k.tell(kernel.Event{Kind: kernel.RouteAdded, Port: otherPort, Replaced: true, Route: r})
}

// ForeignDelete deletes matching routes as another process does.
func (k *Kernel) ForeignDelete(match func(kernel.Route) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.routes = slices.DeleteFunc(k.routes, func(r kernel.Route) bool {
		if match(r) {
			k.tell(kernel.Event{Kind: kernel.RouteDeleted, Port: otherPort, Route: r})
			return true
		}
		return false
	})
}
