package server

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// maxKept is the largest answer that is kept whole for a replay, in bytes.
const maxKept = 256 << 10

// kept is what a replay returns: the answer, or for a large one what became of
// each item. Routes are left out, and of refusals all but the reason.
func kept(answer proto.Message) []byte {
	data := encode(answer)
	if len(data) <= maxKept {
		return data
	}
	short := proto.Clone(answer)
	var lists [][]*pb.ItemResult
	switch m := short.(type) {
	case *pb.BatchAddRoutesResponse:
		lists = append(lists, m.Items)
	case *pb.BatchRemoveRoutesResponse:
		lists = append(lists, m.Items)
	case *pb.ApplyRoutesResponse:
		lists = append(lists, m.Removals, m.Upserts)
	}
	for _, list := range lists {
		for _, item := range list {
			item.Routes, item.Warnings = nil, nil
			if item.Error != nil {
				item.Error = &pb.Error{Reason: item.Error.Reason, Message: item.Error.Reason}
			}
		}
	}
	return encode(short)
}
