package routes

import (
	"fmt"
	"net/netip"
	"slices"
)

// Record is a route as the store holds it.
type Record struct {
	Route Route
	// Revision is that of the record's last change, Created that of its first.
	Revision Revision
	Created  Revision
	// CreatedBy and CreatedTime are of the first change, ChangedTime of the last.
	CreatedBy   string
	CreatedTime int64 // Unix nanoseconds
	ChangedTime int64 // Unix nanoseconds
	// Removed marks a tombstone: removed, but not yet proved gone in every
	// known node. Tombstones neither exist nor conflict.
	Removed bool
}

// Outcome says what a change did.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "CREATED"
	Updated   Outcome = "UPDATED"
	Unchanged Outcome = "UNCHANGED"
	Deleted   Outcome = "REMOVED"
)

// Decision is what a change does to the records of one destination. Records
// in Remove leave the set, those in Put enter it; Unchanged has neither.
// Whether there is room for Put is for Room to say, and whether it conflicts with
// another route for Conflict: in a batch what counts is how all of it ends.
type Decision struct {
	Outcome Outcome
	Put     Route    // the zero Route where nothing is put
	Remove  []Record // removed for good (Deleted), or replaced by Put (Updated)
}

// takes reports whether a record leaves with d, or gives way to what it puts.
func (d Decision) takes(rec Record) bool {
	return !d.Put.IsZero() && d.Put.SameKey(rec.Route) ||
		slices.ContainsFunc(d.Remove, func(gone Record) bool { return gone.Route.SameKey(rec.Route) })
}

// Conflict refuses a second route on one kernel key: table main has one route for
// each destination and metric. at are the records that d was decided among.
func (d Decision) Conflict(at []Record) error {
	if d.Put.IsZero() {
		return nil
	}
	for _, rec := range at {
		if rec.Removed || rec.Route.Destination() != d.Put.Destination() || rec.Route.Metric() != d.Put.Metric() || d.takes(rec) {
			continue
		}
		return &Error{
			Reason: MetricConflict, Field: "metric", Value: fmt.Sprint(d.Put.Metric()),
			Problem: "the route " + rec.Route.String() + " has the same destination and metric",
			Params:  map[string]string{"route": rec.Route.String()},
		}
	}
	return nil
}

// Selector names stored routes for Set and Remove. NextHop may be invalid: any.
type Selector struct {
	Interface   string
	Destination netip.Prefix
	NextHop     netip.Addr
}

func (s Selector) String() string {
	if s.NextHop.IsValid() {
		return fmt.Sprintf("%s via %s on %s", s.Destination, s.NextHop, s.Interface)
	}
	return fmt.Sprintf("%s on %s", s.Destination, s.Interface)
}

func (s Selector) matches(r Route) bool {
	return s.Destination == r.destination && (!s.NextHop.IsValid() || s.NextHop == r.nextHop) &&
		(s.Interface == r.iface || FoldAlias(s.Interface) == FoldAlias(r.iface))
}

// Conflicting reports whether two live records of one destination have one metric.
func Conflicting(at []Record) bool {
	seen := make(map[uint16]struct{}, len(at))
	for _, rec := range at {
		if rec.Removed {
			continue
		}
		if _, twice := seen[rec.Route.Metric()]; twice {
			return true
		}
		seen[rec.Route.Metric()] = struct{}{}
	}
	return false
}

// DecideAdd decides the addition of r. at are the records with r's destination,
// on any interface. force replaces the metric of the same key.
func DecideAdd(at []Record, r Route, force bool) (Decision, error) {
	var same *Record
	for i, rec := range at {
		if !rec.Removed && rec.Route.SameKey(r) {
			same = &at[i]
		}
	}
	if same != nil && same.Route.Metric() == r.Metric() {
		return Decision{Outcome: Unchanged}, nil
	}
	if same != nil && !force {
		return Decision{}, &Error{
			Reason: AlreadyExists, Field: "metric", Value: fmt.Sprint(r.Metric()),
			Problem: fmt.Sprintf("the route %s via %s on %s exists with metric %d", r.Destination(), r.NextHop(), same.Route.Interface(), same.Route.Metric()),
			Params:  map[string]string{"route": same.Route.String(), "metric": fmt.Sprint(same.Route.Metric())},
		}
	}
	if same == nil {
		return Decision{Outcome: Created, Put: r}, nil
	}
	return Decision{Outcome: Updated, Put: r, Remove: []Record{*same}}, nil
}

// Change is what Set does to the route that it selects; invalid or zero parts stay.
type Change struct {
	NextHop netip.Addr
	Metric  uint32
	// ExpectedRevision must be the record's, unless 0.
	ExpectedRevision Revision
}

// DecideSet decides a change of the one route that sel selects among at.
func DecideSet(at []Record, sel Selector, c Change) (Decision, error) {
	matched := sel.Among(at, false)
	switch {
	case len(matched) == 0:
		return Decision{}, notFound(at, sel)
	case len(matched) > 1:
		e := ambiguous(sel, matched)
		e.Action = "Name the next hop of the one to change"
		return Decision{}, e
	}
	old := matched[0]
	if err := checkRevision(old, c.ExpectedRevision); err != nil {
		return Decision{}, err
	}
	f := old.Route.Fields()
	if c.NextHop.IsValid() {
		f.NextHop = c.NextHop
	}
	if c.Metric != 0 {
		f.Metric = c.Metric
	}
	next, err := New(f)
	if err != nil {
		return Decision{}, err
	}
	if next == old.Route {
		return Decision{Outcome: Unchanged}, nil
	}
	if !next.SameKey(old.Route) {
		for _, rec := range at {
			if !rec.Removed && rec.Route.SameKey(next) {
				return Decision{}, &Error{
					Reason: AlreadyExists, Field: "next_hop", Value: next.NextHop().String(),
					Problem: "the route " + rec.Route.String() + " exists", Action: "Give another next hop, or remove one of the two",
					Params: map[string]string{"route": rec.Route.String(), "metric": fmt.Sprint(rec.Route.Metric())},
				}
			}
		}
	}
	return Decision{Outcome: Updated, Put: next, Remove: []Record{old}}, nil
}

// Removal says how to remove what a selector takes.
type Removal struct {
	All      bool // several matches are not refused
	IfExists bool // nothing to remove is a success without a change
	// ExpectedRevision must be the records', unless 0.
	ExpectedRevision Revision
}

// DecideRemove decides a removal. What is being removed already is not there
// to be removed: whether a node has yet to prove it makes no difference.
func DecideRemove(at []Record, sel Selector, how Removal) (Decision, error) {
	matched := sel.Among(at, false)
	switch {
	case len(matched) == 0 && how.IfExists:
		return Decision{Outcome: Unchanged}, nil
	case len(matched) == 0:
		return Decision{}, notFound(at, sel)
	case len(matched) > 1 && !how.All:
		return Decision{}, ambiguous(sel, matched)
	}
	for _, rec := range matched {
		if err := checkRevision(rec, how.ExpectedRevision); err != nil {
			return Decision{}, err
		}
	}
	return Decision{Outcome: Deleted, Remove: matched}, nil
}

// Among are the records that s takes, the removed ones or the others.
func (s Selector) Among(at []Record, removed bool) []Record {
	var out []Record
	for _, rec := range at {
		if rec.Removed == removed && s.matches(rec.Route) {
			out = append(out, rec)
		}
	}
	return out
}

func checkRevision(rec Record, expected Revision) error {
	if expected == 0 || expected == rec.Revision {
		return nil
	}
	return &Error{
		Reason: RevisionMismatch, Field: "expected_revision", Value: fmt.Sprint(expected),
		Problem: fmt.Sprintf("the route %s is at revision %d", rec.Route, rec.Revision),
		Params:  map[string]string{"route": rec.Route.String(), "revision": fmt.Sprint(rec.Revision)},
	}
}

// notFound names the removals under way that the selector would take.
func notFound(at []Record, sel Selector) error {
	e := &Error{
		Reason: NotFound, Field: "destination", Value: sel.Destination.String(), Problem: "no custom route " + sel.String(),
		Params: map[string]string{"route": sel.String(), "interface": sel.Interface},
	}
	for _, rec := range sel.Among(at, true) {
		e.Related = append(e.Related, rec.Route.String())
	}
	if len(e.Related) > 0 {
		e.Problem += "; it was removed already, and a node has yet to prove it gone"
		e.Action = "See with get / Get-HcsNetRoute how far the nodes are"
		e.Params["removing"] = fmt.Sprint(len(e.Related))
	}
	return e
}

func ambiguous(sel Selector, matched []Record) *Error {
	e := &Error{
		Reason: Ambiguous, Field: "destination", Value: sel.Destination.String(),
		Problem: fmt.Sprintf("%d routes match", len(matched)), Params: map[string]string{"count": fmt.Sprint(len(matched))},
	}
	for _, rec := range matched {
		e.Related = append(e.Related, rec.Route.String())
	}
	return e
}
