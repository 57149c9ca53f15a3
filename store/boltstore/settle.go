package boltstore

import (
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// contested are the destinations that several items are for, where one of them was
// refused because of another route's metric.
func (a *application) contested(results []store.ItemResult) []netip.Prefix {
	var items map[netip.Prefix]int // of each destination with such a refusal
	for i, res := range results {
		if res.Err != nil && res.Err.Reason == routes.MetricConflict && a.req.Items[i].Refused == nil {
			if items == nil {
				items = make(map[netip.Prefix]int)
			}
			items[destination(&a.req.Items[i])] = 0
		}
	}
	if items == nil {
		return nil
	}
	for i := range a.req.Items {
		if it := &a.req.Items[i]; it.Refused == nil {
			if n, ok := items[destination(it)]; ok {
				items[destination(it)] = n + 1
			}
		}
	}
	var several []netip.Prefix
	for p, n := range items {
		if n > 1 {
			several = append(several, p)
		}
	}
	return several
}

// settle decides the items again, and heeds no conflict at contested destinations: a
// swap of metrics, or a longer cycle, ends without one. Where one is left, it is heeded
// after all.
func (a *application) settle(contested []netip.Prefix) (results []store.ItemResult, refused int) {
	a.settled = make(map[netip.Prefix]bool, len(contested))
	for _, p := range contested {
		a.settled[p] = true
	}
	a.revert()
	results, refused = a.inOrder()
	left := false
	for _, p := range contested {
		if routes.Conflicting(a.g.at(p).now) {
			a.settled[p], left = false, true
		}
	}
	if !left {
		return results, refused
	}
	a.revert()
	return a.inOrder()
}
