package clitest

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// item is what one change did.
type item struct {
	outcome  routes.Outcome
	routes   []*pb.Route
	warnings []routes.Warning
}

// commit puts a decision into the model. The caller holds the lock.
func (m *Model) commit(d routes.Decision, revision routes.Revision, validate bool) []*pb.Route {
	var out []*pb.Route
	created := revision
	for _, rec := range d.Remove {
		created = rec.Created
		if !validate {
			m.put(rec, true)
		}
		if d.Outcome == routes.Deleted {
			rec.Removed = true
			p := m.proto(rec)
			p.State, p.Nodes = pb.State_STATE_REMOVING, nil
			out = append(out, p)
			m.event(pb.WatchRoutesResponse_KIND_REMOVED, p, revision, validate)
		}
	}
	if !d.Put.IsZero() {
		rec := routes.Record{Route: d.Put, Revision: revision, Created: created, CreatedBy: "uid:0", CreatedTime: clock().UnixNano(), ChangedTime: clock().UnixNano()}
		p := m.proto(rec)
		out = append(out, p)
		kind := pb.WatchRoutesResponse_KIND_ADDED
		if d.Outcome == routes.Updated {
			kind = pb.WatchRoutesResponse_KIND_UPDATED
		}
		if !validate {
			m.put(rec, false)
		}
		m.event(kind, p, revision, validate)
	}
	return out
}

func (m *Model) event(kind pb.WatchRoutesResponse_Kind, p *pb.Route, revision routes.Revision, validate bool) {
	if !validate {
		m.events = append(m.events, &pb.WatchRoutesResponse{Kind: kind, Route: p, Revision: uint64(revision)})
	}
}

func (m *Model) add(p *pb.Route, force bool, revision routes.Revision, validate bool) (item, error) {
	r, err := wire.FromRoute(p)
	if err != nil {
		return item{}, err
	}
	r, warnings, err := m.check(r)
	if err != nil {
		return item{}, err
	}
	d, err := routes.DecideAdd(m.at(r.Destination()), r, force)
	if err == nil {
		err = d.Conflict(m.at(r.Destination()))
	}
	if err != nil {
		return item{}, err
	}
	out := item{outcome: d.Outcome, warnings: warnings, routes: m.commit(d, revision, validate)}
	if d.Outcome == routes.Unchanged {
		out.routes = []*pb.Route{m.proto(m.records[r.Destination()][r.Key()])}
	}
	for _, p := range out.routes {
		p.Warnings = wire.Warnings(warnings)
	}
	return out, nil
}

func (m *Model) remove(p *pb.RouteSelector, how routes.Removal, validate bool) (item, error) {
	sel, err := wire.FromSelector(p)
	if err != nil {
		return item{}, err
	}
	d, err := routes.DecideRemove(m.at(sel.Destination), sel, how)
	if err != nil {
		return item{}, err
	}
	return item{outcome: d.Outcome, routes: m.commit(d, m.revision+1, validate)}, nil
}

func (m *Model) set(req *pb.SetRouteRequest) (item, error) {
	sel, err := wire.FromSelector(req.GetSelector())
	if err != nil {
		return item{}, err
	}
	c := routes.Change{Metric: req.GetMetric(), ExpectedRevision: routes.Revision(req.GetExpectedRevision())}
	if req.GetNewNextHop() != "" {
		if c.NextHop, err = routes.ParseNextHop(req.GetNewNextHop(), sel.Interface); err != nil {
			return item{}, err
		}
	}
	d, err := routes.DecideSet(m.at(sel.Destination), sel, c)
	if err == nil {
		err = d.Conflict(m.at(sel.Destination))
	}
	if err != nil {
		return item{}, err
	}
	out := item{outcome: d.Outcome, routes: m.commit(d, m.revision+1, req.GetValidateOnly())}
	if d.Outcome == routes.Unchanged {
		for _, rec := range m.at(sel.Destination) {
			out.routes = append(out.routes, m.proto(rec))
		}
	}
	return out, nil
}

// write frames a call that changes something: one at a time, replays of a
// request id, one revision, one audit record.
func write[T any](ctx context.Context, m *Model, w writeCall, do func() (T, bool, error)) (T, error) {
	var none T
	if m.Delay != nil {
		select {
		case <-m.Delay:
		case <-ctx.Done():
			return none, wire.Status(ctx.Err())
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, w.items)
	if m.Refuse != nil {
		return none, wire.Status(m.Refuse)
	}
	if reply, ok := m.replies[w.requestID].(T); ok && w.requestID != "" {
		return reply, nil
	}
	resp, changed, err := do()
	if err != nil {
		return none, wire.Status(err)
	}
	if changed && !w.validate {
		m.revision++
		m.audit = append(m.audit, &pb.AuditRecord{
			Sequence: uint64(len(m.audit) + 1), Time: timestamppb.New(clock()), Actor: "uid:0", OnBehalfOf: w.onBehalfOf, Origin: "unix",
			Action: w.action, Revision: uint64(m.revision), Items: uint64(w.items), RequestId: w.requestID, Hash: "00ff",
		})
		close(m.changed)
		m.changed = make(chan struct{})
	}
	if w.requestID != "" && !w.validate {
		m.replies[w.requestID] = resp
	}
	return resp, nil
}

type writeCall struct {
	action     string
	items      int
	requestID  string
	onBehalfOf string
	validate   bool
}

// acknowledged is what a call that waits answers: false when a node is silent.
func (m *Model) acknowledged(ack pb.Acknowledgement, list []*pb.Route) bool {
	if ack != pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED {
		return true
	}
	for _, r := range list {
		if m.Silent != "" && r.GetState() != pb.State_STATE_PROGRAMMED {
			return false
		}
	}
	return true
}
