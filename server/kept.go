package server

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// maxKept is the largest answer that is kept whole for a replay, in bytes.
const maxKept = 256 << 10

// form is the message that an answer is kept as. Those of the calls for one
// route have the same fields by the same numbers, and so have those of the
// batches, so that one of each reads what any of them has kept.
type form int

const (
	formMany  form = iota // BatchAddRoutesResponse
	formOne               // RemoveRouteResponse
	formApply             // ApplyRoutesResponse
)

// keep is what a replay is made of: the answer, or for a large one what became of
// each item. Routes and warnings are left out, which the replay finds again, and of
// refusals all but the reason.
func (c *change) keep(a *answer) []byte {
	data := encode(c.pack(a))
	if len(data) <= maxKept {
		return data
	}
	short := &answer{Items: make([]*pb.ItemResult, len(a.Items)), Committed: a.Committed, Revision: a.Revision}
	for i, item := range a.Items {
		short.Items[i] = &pb.ItemResult{Index: item.Index, Outcome: item.Outcome}
		if item.Error != nil {
			short.Items[i].Error = &pb.Error{Reason: item.Error.Reason, Message: item.Error.Reason}
		}
	}
	return encode(c.pack(short))
}

func (c *change) pack(a *answer) proto.Message {
	switch {
	case c.form == formOne && len(a.Items) == 1:
		return &pb.RemoveRouteResponse{Routes: a.Items[0].Routes, Outcome: a.Items[0].Outcome, Revision: a.Revision}
	case c.form == formApply:
		return c.applied(a)
	}
	return a
}

// applied is the answer of ApplyRoutes, in which each list counts its items from 0.
func (c *change) applied(a *answer) *pb.ApplyRoutesResponse {
	removals, upserts := a.Items[:c.removals:c.removals], a.Items[c.removals:]
	for i, item := range upserts {
		item.Index = int32(i)
	}
	return &pb.ApplyRoutesResponse{
		Upserts: upserts, Removals: removals, Committed: a.Committed, Revision: a.Revision, Acknowledged: a.Acknowledged, Warnings: a.Warnings, Replayed: a.Replayed,
	}
}

// unpack reads what is kept.
func (c *change) unpack(data []byte) (*answer, error) {
	switch c.form {
	case formOne:
		var m pb.RemoveRouteResponse
		err := proto.Unmarshal(data, &m)
		return &answer{Items: []*pb.ItemResult{{Outcome: m.Outcome, Routes: m.Routes}}, Committed: true, Revision: m.Revision}, err
	case formApply:
		var m pb.ApplyRoutesResponse
		err := proto.Unmarshal(data, &m)
		return &answer{Items: append(m.Removals[:len(m.Removals):len(m.Removals)], m.Upserts...), Committed: m.Committed, Revision: m.Revision}, err
	}
	var m answer
	return &m, proto.Unmarshal(data, &m)
}
