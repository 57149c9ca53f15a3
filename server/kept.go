package server

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// maxKept is the largest answer that is kept whole for a replay, in bytes.
const maxKept = 256 << 10

// kept is what a replay is made of: the answer, or for a large one what became of
// each item. Routes and warnings are left out, which the replay finds again, and of
// refusals all but the reason.
func kept(whole answer) []byte {
	data := encode(whole)
	if len(data) <= maxKept {
		return data
	}
	short := proto.CloneOf(whole)
	for _, item := range answered(short) {
		item.Routes, item.Warnings = nil, nil
		if item.Error != nil {
			item.Error = &pb.Error{Reason: item.Error.Reason, Message: item.Error.Reason}
		}
	}
	return encode(short)
}
