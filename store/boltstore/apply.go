package boltstore

import (
	"context"
	"fmt"
	"net/netip"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Apply implements store.Store.
func (s *Store) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if err := checkID("request_id", req.RequestID); err != nil {
		return store.Result{}, err
	}
	var res store.Result
	if req.ValidateOnly {
		err := s.view(ctx, func(tx *bolt.Tx) error {
			g, err := newGroup(tx, s.opts.now(), s.limits, &keeper{})
			if err != nil {
				return err
			}
			a := application{g: g, req: &req, st: g.st}
			res, err = a.decide()
			if g.err != nil {
				return g.err
			}
			res.Revision = g.st.version.Revision
			res.Committed = false
			return err
		})
		return res, err
	}
	err := s.submit(ctx, len(req.Items), func(g *group) (err error) {
		a := application{g: g, req: &req, st: g.st}
		res, err = a.run()
		return err
	})
	if err != nil {
		return store.Result{}, err
	}
	return res, nil
}

// application is one request carried out in a group. What it changes in the
// group's prefixRecords it can take back, until it is accepted as a whole.
type application struct {
	g       *group
	req     *store.Request
	st      state // as this request leaves it
	undo    []undo
	changed bool
	changes []store.Change
	keys    []routes.Route // whose each change is
	// settled are destinations with several items that end without a conflict,
	// whatever conflicts there are on the way.
	settled map[netip.Prefix]bool
}

// undo is a prefix that the request has changed, and its records from before.
type undo struct {
	pr  *prefixRecords
	now []routes.Record
}

// run decides the request and, where it is accepted, adds it to the group.
// What changed nothing is counted, so that it leaves a trace as well.
func (a *application) run() (store.Result, error) {
	res, err := a.try()
	switch {
	case a.g.err != nil:
	case err != nil:
		a.g.unchanged(a.req, []store.ItemResult{{Err: routes.AsError(err, routes.BadRequest)}})
	case !res.Replayed && (!a.changed || !res.Committed):
		a.g.unchanged(a.req, res.Items)
	}
	return res, err
}

func (a *application) try() (store.Result, error) {
	if a.req.RequestID != "" {
		answer, ok, err := a.g.replay(a.req.RequestID, a.req.Fingerprint)
		if err != nil {
			return store.Result{}, err
		}
		if ok {
			return store.Result{Committed: true, Revision: a.g.st.version.Revision, Replayed: true, Replay: answer}, nil
		}
	}
	res, err := a.decide()
	if err != nil || a.g.err != nil {
		a.revert()
		return store.Result{}, a.orGroup(err)
	}
	if !res.Committed {
		a.revert()
		res.Revision = a.g.st.version.Revision
		return res, nil
	}
	if a.changed {
		if err := a.g.budget(a.req, res.Items); err != nil {
			a.revert()
			return store.Result{}, err
		}
	}
	res.Revision = a.st.version.Revision
	var answer []byte
	if a.req.RequestID != "" && a.req.Answer != nil {
		if answer, err = a.answer(res); err != nil {
			a.revert()
			return store.Result{}, err
		}
	}
	a.accept(res, answer)
	return res, a.g.err
}

func (a *application) orGroup(err error) error {
	if a.g.err != nil {
		return a.g.err
	}
	return err
}

// accept makes the request part of the group.
func (a *application) accept(res store.Result, answer []byte) {
	a.g.st = a.st
	if a.changed {
		a.g.dirty = true
		rec := &auditEntry{AuditRecord: store.AuditRecord{Caller: a.req.Caller, Action: a.req.Action, RequestID: a.req.RequestID}}
		auditItems(rec, a.req.Items, res.Items)
		a.g.append(rec)
		a.g.event(a.net())
	}
	if a.req.RequestID != "" {
		a.g.remember(a.req, answer)
	}
}

func (a *application) revert() {
	for _, u := range a.undo {
		u.pr.now, u.pr.by = u.now, nil
	}
	a.undo, a.st, a.changed = nil, a.g.st, false
}

// answer calls the caller's Answer; its panic is the caller's own failure.
func (a *application) answer(res store.Result) (answer []byte, err error) {
	defer recoverCaller("Answer", &err)
	return a.req.Answer(res), nil
}

func recoverCaller(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s of the request panicked: %v", what, p)
	}
}

// decide decides the request's items.
func (a *application) decide() (store.Result, error) {
	current := a.st.version.Revision
	if want := a.req.ExpectedRevision; want != 0 && want != current {
		return store.Result{}, &routes.Error{
			Reason: routes.RevisionMismatch, Field: "expected_revision", Value: fmt.Sprint(want),
			Problem: fmt.Sprintf("the store is at revision %d", current), Params: map[string]string{"revision": fmt.Sprint(current)},
		}
	}
	a.g.load(destinations(a.req.Items))
	results, refused := a.inOrder()
	if contested := a.contested(results); len(contested) > 0 {
		results, refused = a.settle(contested)
	}
	if !a.changed {
		a.st.version.Revision = current
	}
	rejected := a.req.Atomic && refused > 0 || refused > 0 && refused == len(results)
	return store.Result{Items: results, Committed: !rejected}, nil
}

// inOrder decides every item in order, each over what those before have left.
func (a *application) inOrder() (results []store.ItemResult, refused int) {
	a.st.version.Revision = a.g.st.version.Revision + 1
	results = make([]store.ItemResult, len(a.req.Items))
	a.changes = make([]store.Change, 0, len(results))
	a.keys = make([]routes.Route, 0, len(results))
	for i := range a.req.Items {
		res, err := a.item(&a.req.Items[i])
		if err != nil {
			res = store.ItemResult{Err: routes.AsError(err, routes.BadRequest)}
			refused++
		}
		results[i] = res
	}
	return results, refused
}

func destinations(items []store.Item) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(items))
	for i := range items {
		if items[i].Refused == nil {
			out = append(out, destination(&items[i]))
		}
	}
	return out
}

func destination(it *store.Item) netip.Prefix {
	if it.Op == store.OpAdd {
		return it.Route.Destination()
	}
	return it.Selector.Destination
}

func (a *application) item(it *store.Item) (store.ItemResult, error) {
	if it.Refused != nil {
		return store.ItemResult{}, it.Refused
	}
	pr := a.g.at(destination(it))
	d, err := decide(it, pr.now)
	if err == nil {
		err = d.Room(pr.now, len(a.g.knownNodes()) > 0)
	}
	if err == nil && !a.settled[destination(it)] {
		err = d.Conflict(pr.now)
	}
	switch {
	case err != nil:
		return store.ItemResult{}, err
	case d.Outcome == routes.Unchanged:
		return store.ItemResult{Outcome: d.Outcome, After: unchanged(it, pr.now)}, nil
	}
	return a.applyDecision(pr, d), nil
}

// decide decides one item by the records of its destination; conflicts of
// metrics are not looked at.
func decide(it *store.Item, at []routes.Record) (routes.Decision, error) {
	switch it.Op {
	case store.OpAdd:
		if it.Route.IsZero() {
			return routes.Decision{}, &routes.Error{Reason: routes.BadRequest, Field: "route", Problem: "the route is missing"}
		}
		d, err := routes.DecideAdd(at, it.Route, it.Force)
		if d.Outcome == routes.Unchanged {
			return d, nil
		}
		// What the facts refuse comes before what is stored.
		if refusal := check(it, it.Route); refusal != nil {
			return d, refusal
		}
		return d, err
	case store.OpSet:
		d, err := routes.DecideSet(at, it.Selector, it.Change)
		if err == nil && d.Outcome != routes.Unchanged {
			err = check(it, d.Put)
		}
		return d, err
	case store.OpRemove:
		return routes.DecideRemove(at, it.Selector, it.Removal)
	}
	return routes.Decision{}, &routes.Error{Reason: routes.BadRequest, Field: "items", Problem: fmt.Sprintf("there is no operation %d", it.Op)}
}

func check(it *store.Item, r routes.Route) (err error) {
	if it.Check == nil {
		return nil
	}
	defer recoverCaller("Check", &err)
	if refusal := it.Check(r); refusal != nil {
		return refusal
	}
	return nil
}

// unchanged are the records that an item found as it wants them: for a removal
// those that are being removed already.
func unchanged(it *store.Item, now []routes.Record) []routes.Record {
	switch it.Op {
	case store.OpAdd:
		return []routes.Record{*find(now, it.Route)}
	case store.OpSet:
		return it.Selector.Among(now, false)
	}
	return it.Selector.Among(now, true)
}
