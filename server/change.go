package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// maxItems is the most items of one call.
const maxItems = 10_000

// maxClaim is the longest on_behalf_of, in bytes.
const maxClaim = 128

// writing is what all requests for changes have in common.
type writing interface {
	proto.Message
	GetRequestId() string
	GetValidateOnly() bool
	GetAcknowledgement() pb.Acknowledgement
	GetTimeout() *durationpb.Duration
	GetOnBehalfOf() string
}

// change is one call that changes routes: requested, stored, waited for, told.
type change struct {
	*Server
	view     *view
	request  store.Request
	warnings [][]routes.Warning // of each item, from the rules

	programmed   bool // wait for the nodes
	timeout      time.Duration
	returnRoutes bool // of a batch, in each item

	result store.Result
	// shown are the routes of the answer, whose statuses are filled in last.
	shown []shown
}

// shown is a place in the answer and the record that belongs there.
type shown struct {
	at   *pb.Route
	rec  routes.Record
	item int
}

// begin reads what all changes have in common; items is how many will follow.
func (s *Server) begin(ctx context.Context, action string, req writing, items int) (*change, error) {
	c := &change{
		Server: s, view: s.view(),
		request: store.Request{
			Caller: caller(ctx, req.GetOnBehalfOf()), Owner: identity(ctx).owner(), Action: action, Atomic: true, ValidateOnly: req.GetValidateOnly(),
		},
		programmed: req.GetAcknowledgement() == pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED,
	}
	c.request.Items, c.warnings = make([]store.Item, 0, items), make([][]routes.Warning, 0, items)
	if batch, ok := req.(interface{ GetReturnRoutes() bool }); ok {
		c.returnRoutes = batch.GetReturnRoutes()
	}
	err := checkClaim(req.GetOnBehalfOf())
	if err != nil {
		return nil, err
	}
	if c.timeout, err = waitTime(req.GetTimeout()); err != nil {
		return nil, err
	}
	if id := req.GetRequestId(); id != "" && !c.request.ValidateOnly {
		if len(id) != 36 || uuid.Validate(id) != nil {
			return nil, &routes.Error{Reason: routes.BadRequest, Field: "request_id", Value: fmt.Sprintf("%.64s", id), Problem: "not a UUID"}
		}
		c.request.RequestID = id
		c.request.Fingerprint = fingerprint(req)
	}
	return c, nil
}

// checkClaim bounds on_behalf_of; guard has seen to it that it can be printed.
func checkClaim(claim string) error {
	if len(claim) <= maxClaim {
		return nil
	}
	return &routes.Error{Reason: routes.BadRequest, Field: "on_behalf_of", Value: fmt.Sprintf("%.32s...", claim), Problem: fmt.Sprintf("%d bytes, more than %d", len(claim), maxClaim)}
}

// waitTime is how long a call waits for PROGRAMMED.
func waitTime(d *durationpb.Duration) (time.Duration, error) {
	if d == nil {
		return defaultWait, nil
	}
	if d.CheckValid() != nil || d.AsDuration() < 0 {
		return 0, &routes.Error{Reason: routes.BadRequest, Field: "timeout", Value: fmt.Sprintf("%ds", d.GetSeconds()), Problem: fmt.Sprintf("not in 0s..%s", maxWait)}
	}
	return min(d.AsDuration(), maxWait), nil
}

// fingerprint tells requests with the same id apart.
func fingerprint(req proto.Message) [32]byte {
	bare := proto.Clone(req).ProtoReflect()
	bare.Clear(bare.Descriptor().Fields().ByName(protoreflect.Name("request_id")))
	return sum(bare.Interface())
}

// sum is the SHA-256 of a message's name and content.
func sum(m proto.Message) [32]byte {
	name := string(m.ProtoReflect().Descriptor().FullName())
	return sha256.Sum256(append([]byte(name+"\x00"), encode(m)...))
}

func encode(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // strings of requests are valid UTF-8: grpc has checked
	}
	return data
}

// add makes the item that adds a route, or refuses it. What the facts and the
// policy refuse today may be stored already: adding that again is a success.
func (c *change) add(p *pb.Route, force bool) {
	item := store.Item{Op: store.OpAdd, Force: force}
	var r routes.Route
	var warnings []routes.Warning
	err := guard(p)
	if err == nil {
		r, err = publicapi.FromRoute(p)
	}
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	} else if r, warnings, err = c.view.check(r); err != nil {
		refusal := routes.AsError(err, routes.BadRequest)
		item.Check = func(routes.Route) *routes.Error { return refusal }
		warnings = c.view.warnings(r)
	}
	item.Route = r
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, warnings)
}

// set makes the item that changes a route. The rules judge the route that would
// be made, but for a port that is gone: what is stored on it can still be
// changed, and waits.
func (c *change) set(p *pb.RouteChange) {
	item, err := c.changed(p)
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	} else {
		item.Check = c.changeable(c.view.port(item.Selector.Interface), len(c.request.Items))
	}
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, nil)
}

// changeable checks what becomes of the route of item i.
func (c *change) changeable(p *port, i int) func(routes.Route) *routes.Error {
	return func(r routes.Route) *routes.Error {
		if p.facts.Known && !p.facts.Found {
			return nil
		}
		warnings, err := p.rules.Check(r)
		if err != nil {
			return routes.AsError(err, routes.BadRequest)
		}
		c.warnings[i] = warnings
		return nil
	}
}

// changed reads what is to change of which route.
func (c *change) changed(p *pb.RouteChange) (item store.Item, err error) {
	item.Op = store.OpSet
	if err := guard(p); err != nil {
		return item, err
	}
	if item.Selector, err = publicapi.FromSelector(p.GetSelector()); err != nil {
		return item, err
	}
	item.Selector.Interface = c.view.canonical(item.Selector.Interface)
	item.Change.ExpectedRevision = routes.Revision(p.GetExpectedRevision())
	if p.GetNewNextHop() == "" && p.Metric == nil {
		return item, &routes.Error{Reason: routes.BadRequest, Field: "metric", Problem: "nothing to change", Action: "Give a new next hop, a metric, or both"}
	}
	if p.GetNewNextHop() != "" {
		if item.Change.NextHop, err = routes.ParseNextHop(p.GetNewNextHop(), item.Selector.Interface); err != nil {
			return item, err
		}
	}
	if p.Metric != nil {
		if err := routes.CheckMetric(int64(p.GetMetric())); err != nil {
			return item, err
		}
		item.Change.Metric = p.GetMetric()
	}
	return item, nil
}

// remove makes the item that removes what a selector takes. It needs no facts:
// what is stored can always be removed.
func (c *change) remove(p *pb.RouteSelector, how routes.Removal) {
	item := store.Item{Op: store.OpRemove, Removal: how}
	var sel routes.Selector
	err := guard(p)
	if err == nil {
		sel, err = publicapi.FromSelector(p)
	}
	if err != nil {
		item.Refused = routes.AsError(err, routes.BadRequest)
	} else {
		sel.Interface = c.view.canonical(sel.Interface)
	}
	item.Selector = sel
	c.request.Items = append(c.request.Items, item)
	c.warnings = append(c.warnings, nil)
}

// carryOut stores the change and returns the answer that build makes of it, or
// for a known request id the first answer (see replay). Statuses are not in it yet.
func carryOut[R answer](ctx context.Context, c *change, build func(store.Result) R) (R, error) {
	var built R
	have := false
	c.request.Answer = func(res store.Result) []byte {
		c.shown = nil
		built, have = build(res), true
		return kept(built)
	}
	var err error
	if c.result, err = c.store.Apply(ctx, c.request); err != nil {
		c.setHealth()
		return built, err
	}
	if c.result.Replayed {
		first := built.ProtoReflect().New().Interface().(R)
		if err := proto.Unmarshal(c.result.Replay, first); err != nil {
			return built, fmt.Errorf("read the first answer to request id %s: %w", c.request.RequestID, err)
		}
		return first, c.replay(ctx, first)
	}
	if !have {
		built = build(c.result)
	}
	return built, nil
}

// answer is what all answers to changes have in common.
type answer interface {
	proto.Message
	GetRevision() uint64
}

// place keeps a place in the answer for a record.
func (c *change) place(rec routes.Record, item int) *pb.Route {
	p := c.view.records.Convert(rec, nil, true)
	p.State, p.Cause, p.Condition, p.Detail = pb.State_STATE_UNSPECIFIED, "", "", ""
	c.shown = append(c.shown, shown{at: p, rec: rec, item: item})
	return p
}

// tell fills the statuses and warnings of the answer's routes in.
func (c *change) tell() {
	for _, s := range c.shown {
		rec := s.rec
		if c.request.ValidateOnly {
			// What would be: the revision that no node has carried out yet.
			rec.Revision = c.store.Info().Version.Revision + 1
		}
		nodes := c.fleet.Status(rec)
		full := c.view.records.Convert(rec, nodes, false)
		if c.request.ValidateOnly {
			full.Revision, full.CreateTime, full.UpdateTime, full.CreatedBy = uint64(s.rec.Revision), nil, nil, ""
		}
		if !rec.Removed {
			warnings := c.view.warnings(rec.Route)
			if s.item >= 0 && len(c.warnings[s.item]) > 0 {
				warnings = c.warnings[s.item]
			}
			full.Warnings = publicapi.Warnings(withWinners(warnings, rec.Route, nodes))
		}
		proto.Reset(s.at)
		proto.Merge(s.at, full)
	}
}
