package store

import (
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

// Query selects records. Empty lists take all.
type Query struct {
	Interfaces   []string // aliases, compared without regard to case
	Destinations []netip.Prefix
	NextHops     []netip.Addr
	Metrics      []uint16
	Family       uint8 // 4, 6, or 0 for both
	// Tombstones includes removed routes that are not yet proved gone.
	Tombstones bool
	// After is the last key of the page before; the zero Key for the first page.
	After routes.Key
	Limit int // 0: no limit
}

// Matcher is a query ready to judge many routes one by one.
type Matcher struct {
	interfaces   map[string]struct{} // folded
	destinations map[netip.Prefix]struct{}
	hops         map[netip.Addr]struct{}
	metrics      map[uint16]struct{}
	family       uint8
}

// Matcher judges by all of q but Tombstones and the bounds of the page.
func (q Query) Matcher() Matcher {
	folded := make([]string, 0, len(q.Interfaces))
	for _, alias := range q.Interfaces {
		folded = append(folded, routes.FoldAlias(alias))
	}
	return Matcher{setOf(folded), setOf(q.Destinations), setOf(q.NextHops), setOf(q.Metrics), q.Family}
}

// Takes is true for a route that the query asks for.
func (m Matcher) Takes(r routes.Route) bool {
	return among(m.hops, r.NextHop()) && among(m.metrics, r.Metric()) && among(m.destinations, r.Destination()) &&
		(m.family == 0 || (m.family == 4) == r.Destination().Addr().Is4()) &&
		(len(m.interfaces) == 0 || among(m.interfaces, r.Key().Interface))
}

func setOf[T comparable](list []T) map[T]struct{} {
	if len(list) == 0 {
		return nil
	}
	set := make(map[T]struct{}, len(list))
	for _, v := range list {
		set[v] = struct{}{}
	}
	return set
}

// among is true where the set has v, or is empty: that takes all.
func among[T comparable](set map[T]struct{}, v T) bool {
	if len(set) == 0 {
		return true
	}
	_, ok := set[v]
	return ok
}
