package routes

import (
	"cmp"
	"net/netip"
	"slices"
)

// FIBEntry is a route of ours in kernel-normal form: what table main of a node
// holds, or should hold. Comparable.
type FIBEntry struct {
	Destination netip.Prefix
	NextHop     netip.Addr // unspecified address: a device route
	Link        int32      // interface index
	Metric      uint32
}

// FIBKey is what the kernel keeps one route per: destination and metric (in
// table main, TOS 0). IPv6 would join a second next hop as a multipath sibling.
type FIBKey struct {
	Destination netip.Prefix
	Metric      uint32
}

// Key is the entry's kernel key.
func (e FIBEntry) Key() FIBKey { return FIBKey{e.Destination, e.Metric} }

// Compare orders entries by destination, metric, next hop and link.
func (e FIBEntry) Compare(o FIBEntry) int {
	return cmp.Or(
		e.Destination.Addr().Compare(o.Destination.Addr()),
		cmp.Compare(e.Destination.Bits(), o.Destination.Bits()),
		cmp.Compare(e.Metric, o.Metric),
		e.NextHop.Compare(o.NextHop),
		cmp.Compare(e.Link, o.Link),
	)
}

// Replacement is a change of next hop or link under one kernel key: New is
// appended and read back before Old is deleted.
type Replacement struct {
	Old, New FIBEntry
}

// Plan is what brings a kernel to the desired set without a moment in which a
// destination has no route: first Add, then Replace, then Delete.
type Plan struct {
	Add     []FIBEntry
	Replace []Replacement
	Delete  []FIBEntry
}

// Empty tells that there is nothing to do.
func (p Plan) Empty() bool { return len(p.Add) == 0 && len(p.Replace) == 0 && len(p.Delete) == 0 }

// Diff compares the desired set with what the kernel holds of ours. desired
// has at most one entry per kernel key; actual may have more (after an
// interrupted replacement), all but the desired one are deleted. The plan's
// parts are sorted.
func Diff(desired, actual map[FIBEntry]struct{}) Plan {
	var plan Plan
	held := make(map[FIBKey]FIBEntry)
	for e := range actual {
		if _, ok := desired[e]; ok {
			continue
		}
		plan.Delete = append(plan.Delete, e)
		if old, ok := held[e.Key()]; !ok || e.Compare(old) < 0 {
			held[e.Key()] = e
		}
	}
	for e := range desired {
		if _, ok := actual[e]; ok {
			continue
		}
		if old, ok := held[e.Key()]; ok {
			plan.Replace = append(plan.Replace, Replacement{Old: old, New: e})
			continue
		}
		plan.Add = append(plan.Add, e)
	}
	if len(plan.Replace) > 0 {
		replaced := make(map[FIBEntry]struct{}, len(plan.Replace))
		for _, r := range plan.Replace {
			replaced[r.Old] = struct{}{}
		}
		plan.Delete = slices.DeleteFunc(plan.Delete, func(e FIBEntry) bool { _, ok := replaced[e]; return ok })
	}
	slices.SortFunc(plan.Add, FIBEntry.Compare)
	slices.SortFunc(plan.Delete, FIBEntry.Compare)
	slices.SortFunc(plan.Replace, func(a, b Replacement) int { return a.New.Compare(b.New) })
	return plan
}
