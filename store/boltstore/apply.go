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
			g, err := newGroup(tx, s.now(), s.limits)
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
// group's places it can take back, until it is accepted as a whole.
type application struct {
	g       *group
	req     *store.Request
	st      state // as this request leaves it
	undo    []undo
	changed bool
	changes []store.Change
	keys    []routes.Route // whose each change is
}

type undo struct {
	pl  *place
	now []routes.Record
}

// run decides the request and, where it is accepted, adds it to the group.
func (a *application) run() (store.Result, error) {
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
		rec := store.AuditRecord{Caller: a.req.Caller, Action: a.req.Action, RequestID: a.req.RequestID}
		auditItems(&rec, a.req.Items, res.Items)
		a.g.audit(rec)
		a.g.event(a.net(), false)
	}
	if a.req.RequestID != "" {
		a.g.remember(a.req.RequestID, a.req.Fingerprint, answer)
	}
}

func (a *application) revert() {
	for i := len(a.undo) - 1; i >= 0; i-- {
		a.undo[i].pl.now = a.undo[i].now
	}
	a.undo = nil
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

// decide decides every item in order, each over what those before have left.
func (a *application) decide() (store.Result, error) {
	current := a.st.version.Revision
	if want := a.req.ExpectedRevision; want != 0 && want != current {
		return store.Result{}, &routes.Error{
			Reason: routes.RevisionMismatch, Field: "expected_revision", Value: fmt.Sprint(want),
			Problem: fmt.Sprintf("the store is at revision %d", current), Params: map[string]string{"revision": fmt.Sprint(current)},
		}
	}
	a.st.version.Revision = current + 1
	a.g.load(destinations(a.req.Items))
	results := make([]store.ItemResult, len(a.req.Items))
	a.changes = make([]store.Change, 0, len(results))
	a.keys = make([]routes.Route, 0, len(results))
	refused := 0
	for i := range a.req.Items {
		res, err := a.item(&a.req.Items[i])
		if err != nil {
			res = store.ItemResult{Err: routes.AsError(err, routes.BadRequest)}
			refused++
		}
		results[i] = res
	}
	if !a.changed {
		a.st.version.Revision = current
	}
	rejected := a.req.Atomic && refused > 0 || refused > 0 && refused == len(results)
	return store.Result{Items: results, Committed: !rejected}, nil
}

func destinations(items []store.Item) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(items))
	for _, it := range items {
		switch {
		case it.Refused != nil:
		case it.Op == store.OpAdd:
			out = append(out, it.Route.Destination())
		default:
			out = append(out, it.Selector.Destination)
		}
	}
	return out
}

func (a *application) item(it *store.Item) (store.ItemResult, error) {
	if it.Refused != nil {
		return store.ItemResult{}, it.Refused
	}
	switch it.Op {
	case store.OpAdd:
		return a.add(it)
	case store.OpSet:
		return a.set(it)
	case store.OpRemove:
		return a.remove(it)
	}
	return store.ItemResult{}, &routes.Error{Reason: routes.BadRequest, Field: "items", Problem: fmt.Sprintf("there is no operation %d", it.Op)}
}

func (a *application) add(it *store.Item) (store.ItemResult, error) {
	if it.Route.IsZero() {
		return store.ItemResult{}, &routes.Error{Reason: routes.BadRequest, Field: "route", Problem: "the route is missing"}
	}
	pl := a.g.at(it.Route.Destination())
	d, err := routes.DecideAdd(pl.now, it.Route, it.Force)
	if d.Outcome == routes.Unchanged {
		return store.ItemResult{Outcome: d.Outcome, After: []routes.Record{*find(pl.now, it.Route)}}, nil
	}
	if it.Check != nil {
		if err := check(it, it.Route); err != nil {
			return store.ItemResult{}, err
		}
	}
	if err != nil {
		return store.ItemResult{}, err
	}
	return a.carryOut(pl, d), nil
}

func (a *application) set(it *store.Item) (store.ItemResult, error) {
	pl := a.g.at(it.Selector.Destination)
	d, err := routes.DecideSet(pl.now, it.Selector, it.Change)
	if err != nil {
		return store.ItemResult{}, err
	}
	if d.Outcome == routes.Unchanged {
		return store.ItemResult{Outcome: d.Outcome, After: selected(pl.now, it.Selector, false)}, nil
	}
	if it.Check != nil {
		if err := check(it, d.Put); err != nil {
			return store.ItemResult{}, err
		}
	}
	return a.carryOut(pl, d), nil
}

func check(it *store.Item, r routes.Route) (err error) {
	defer recoverCaller("Check", &err)
	if refusal := it.Check(r); refusal != nil {
		return refusal
	}
	return nil
}

func (a *application) remove(it *store.Item) (store.ItemResult, error) {
	pl := a.g.at(it.Selector.Destination)
	d, err := routes.DecideRemove(pl.now, it.Selector, it.All, it.Change.ExpectedRevision)
	if err != nil {
		return store.ItemResult{}, err
	}
	if d.Outcome == routes.Unchanged {
		return store.ItemResult{Outcome: d.Outcome, After: selected(pl.now, it.Selector, true)}, nil
	}
	return a.carryOut(pl, d), nil
}

// selected are the records that a selector takes, live or removed.
func selected(recs []routes.Record, sel routes.Selector, removed bool) []routes.Record {
	var out []routes.Record
	for _, rec := range recs {
		if rec.Removed == removed && routes.FoldAlias(rec.Route.Interface()) == routes.FoldAlias(sel.Interface) &&
			(!sel.NextHop.IsValid() || sel.NextHop == rec.Route.NextHop()) {
			out = append(out, rec)
		}
	}
	return out
}
