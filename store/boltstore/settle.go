package boltstore

import (
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// contested are the items of each destination that has several, where one of
// them was refused because of another route's metric.
func (a *application) contested(results []store.ItemResult) map[netip.Prefix][]int {
	var at map[netip.Prefix][]int
	for i, res := range results {
		if res.Err != nil && res.Err.Reason == routes.MetricConflict && a.req.Items[i].Refused == nil {
			if at == nil {
				at = make(map[netip.Prefix][]int)
			}
			at[destination(&a.req.Items[i])] = nil
		}
	}
	if at == nil {
		return nil
	}
	for i := range a.req.Items {
		if it := &a.req.Items[i]; it.Refused == nil {
			if list, ok := at[destination(it)]; ok {
				at[destination(it)] = append(list, i)
			}
		}
	}
	for p, list := range at {
		if len(list) < 2 {
			delete(at, p)
		}
	}
	return at
}

// settle finds the contested destinations whose items, all carried out, leave
// no conflict: a swap of metrics, or a longer cycle.
func (a *application) settle(contested map[netip.Prefix][]int) {
	a.settled = make(map[netip.Prefix]bool, len(contested))
	for p, list := range contested {
		now := a.g.at(p).now
		for _, i := range list {
			if d, err := decide(&a.req.Items[i], now); err == nil {
				now = d.Leaves(now)
			}
		}
		a.settled[p] = !routes.Conflicting(now)
	}
}
