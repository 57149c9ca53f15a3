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

// change is one call that changes routes: its items are requested, stored, waited
// for, and what became of them is answered, alike for one route and for many.
type change struct {
	*Server
	snapshot *snapshot
	request  store.Request
	warnings [][]routes.Warning // of each item, from the rules

	programmed   bool // wait for the nodes
	timeout      time.Duration
	returnRoutes bool // in each item
	form         form // of what is kept for a replay
	removals     int  // how many items ApplyRoutes removes, before those that it adds

	result store.Result
	found  map[routes.Key]int // the last item that a route was there for
	// shown are the routes of the answer, whose statuses are filled in last.
	shown []shown
}

// shown is a route of the answer to an item, and the record that it is.
type shown struct {
	at   *pb.Route
	rec  routes.Record
	item int
}

// begin reads what all changes have in common; items is how many will follow.
func (s *Server) begin(ctx context.Context, action string, req writing, items int) (*change, error) {
	c := &change{
		Server: s, snapshot: s.snapshot(),
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

// fingerprint distinguishes requests with the same id.
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
