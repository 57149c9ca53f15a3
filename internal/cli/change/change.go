// Package change carries out additions, changes and removals of routes for
// the CLI's commands and for the JSON lines alike: one call for one item,
// partial batches for many.
package change

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// MaxBatch is the API's limit for the items of one call.
const MaxBatch = 10_000

// MaxTimeout is the API's limit for waiting in one call.
const MaxTimeout = 60 * time.Second

// Options are those of the whole change.
type Options struct {
	Client *client.Client
	// Wait is PROGRAMMED or STORED; Timeout bounds PROGRAMMED, 0 looks once.
	Wait    pb.Acknowledgement
	Timeout time.Duration
	// ValidateOnly checks everything and changes nothing.
	ValidateOnly bool
	// Force replaces metrics (Add); All removes every match, IfExists succeeds
	// where there is none (Remove).
	Force, All, IfExists bool
	OnBehalfOf           string
	// RequestID makes a repetition by the caller safe; empty makes one up, so
	// that at least the client's own retries are.
	RequestID string
}

// Item is one route of a change, as the operator wrote it.
type Item struct {
	Interface   string  `json:"interface"`
	Destination string  `json:"destination"`
	NextHop     string  `json:"next_hop"`
	NewNextHop  string  `json:"new_next_hop"`
	Metric      Decimal `json:"metric"`
	// ExpectedRevision must be the route's, unless 0 or none (Set, Remove).
	ExpectedRevision Decimal `json:"expected_revision"`
}

// Result is what the change did. Items has one entry for each item.
type Result struct {
	Items    []ItemResult
	Warnings []view.Warning // of the call as a whole
	// Acknowledged is false when something is stored but not programmed in time.
	Acknowledged bool
	// Replayed is true when all that was accepted had been carried out before, for
	// the same request id: nothing was done now.
	Replayed bool
	Revision uint64
}

// Add puts the result of a further part behind that of those before.
func (r *Result) Add(part Result) {
	accepted := func(i ItemResult) bool { return i.Err == nil }
	if slices.ContainsFunc(part.Items, accepted) {
		r.Replayed = part.Replayed && (r.Replayed || !slices.ContainsFunc(r.Items, accepted))
	}
	r.Items, r.Revision = append(r.Items, part.Items...), max(r.Revision, part.Revision)
}

// ItemResult is what one item did. Err is its refusal.
type ItemResult struct {
	Outcome  string
	Routes   []view.Route
	Warnings []view.Warning
	Err      *routes.Error
}

func (o Options) timeout() *durationpb.Duration {
	// A deadline that has passed still asks once how far the nodes are.
	return durationpb.New(min(max(o.Timeout, time.Millisecond), MaxTimeout))
}

func (o Options) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, client.CallTimeout+o.Timeout)
}

// requestID is the id of the call.
func (o Options) requestID() string {
	if o.ValidateOnly {
		return ""
	}
	if o.RequestID == "" {
		return uuid.NewString()
	}
	return o.RequestID
}

func (i Item) selector() *pb.RouteSelector {
	return &pb.RouteSelector{Interface: i.Interface, Destination: i.Destination, NextHop: i.NextHop}
}

// ofItem reports whether a call's error is the refusal of its only item. All
// else, such as a store that failed, concerns the call as a whole.
func ofItem(e *routes.Error) bool {
	switch e.Reason {
	case routes.DiskFull, routes.StoreFailed, routes.Unauthenticated, routes.PermissionDenied, routes.Unavailable,
		routes.RequestIDReused, routes.BatchTooLarge:
		return false
	case routes.BadRequest:
		switch e.Field {
		case "interface", "destination", "next_hop", "new_next_hop", "metric", "expected_revision":
			return true
		}
		return false
	}
	return true
}

// single makes the result of a call for one item.
func (o Options) single(p answer, err error) (Result, error) {
	if err != nil {
		e := o.Client.Explain(err)
		if !ofItem(e) {
			return Result{}, e
		}
		return Result{Items: []ItemResult{{Err: e}}, Acknowledged: true}, nil
	}
	item := itemResult(p.outcome, p.routes, nil)
	res := Result{
		Acknowledged: p.acknowledged || o.Wait != pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED || o.ValidateOnly,
		Revision:     p.revision, Replayed: p.replayed,
	}
	// That nodes are late is about the call, as in a batch, not about the route.
	item.Warnings, res.Warnings = split(item.Warnings)
	for i := range item.Routes {
		item.Routes[i].Warnings, _ = split(item.Routes[i].Warnings)
	}
	res.Items = []ItemResult{item}
	return res, nil
}

// answer is what the responses of the calls for one route share.
type answer struct {
	outcome      pb.Outcome
	routes       []*pb.Route
	revision     uint64
	acknowledged bool
	replayed     bool
}

// itemResult makes an item's result; warnings of the routes are the item's too.
func itemResult(outcome pb.Outcome, list []*pb.Route, warnings []*pb.Warning) ItemResult {
	item := ItemResult{Outcome: view.Outcome(outcome), Warnings: view.FromWarnings(warnings)}
	for _, p := range list {
		r := view.FromRoute(p)
		r.Outcome = item.Outcome
		item.Routes = append(item.Routes, r)
		for _, w := range r.Warnings {
			item.Warnings = appendNew(item.Warnings, w)
		}
	}
	if len(item.Routes) == 1 {
		item.Routes[0].Warnings = item.Warnings
	}
	return item
}

func appendNew(list []view.Warning, w view.Warning) []view.Warning {
	for _, old := range list {
		if old.Code == w.Code && old.Message == w.Message {
			return list
		}
	}
	return append(list, w)
}

// split takes the NOT_PROGRAMMED warnings out of a list.
func split(list []view.Warning) (others, late []view.Warning) {
	for _, w := range list {
		if w.Code == string(routes.WarnNotProgrammed) {
			late = append(late, w)
		} else {
			others = append(others, w)
		}
	}
	return others, late
}
