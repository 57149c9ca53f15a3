package agent

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// heldPart is the number of routes in a part of what the node holds.
const heldPart = 2000

// Held implements the service. It only reads.
func (v *Service) Held(_ *pb.HeldRequest, stream grpc.ServerStreamingServer[pb.HeldResponse]) error {
	a, ctx := v.agent, stream.Context()
	answer := make(chan desired.State, 1)
	select {
	case a.copies <- answer:
	case <-a.done:
		return status.Error(codes.Unavailable, errStopping.Error())
	case <-ctx.Done():
		return ctx.Err()
	}
	state := <-answer
	part := &pb.Snapshot{First: true, Ports: &pb.Ports{}}
	if !state.Complete() {
		part.Last = true
		return stream.Send(&pb.HeldResponse{Part: part})
	}
	part.Version = agentapi.Authentic(state.Version, state.Authenticator)
	ids := map[string]uint32{}
	for r := range state.Set.All() {
		if folded := routes.FoldAlias(r.Interface()); ids[folded] == 0 {
			ids[folded] = uint32(len(ids) + 1)
			part.Ports.Ports = append(part.Ports.Ports, &pb.Port{Id: ids[folded], Interface: r.Interface()})
		}
	}
	count := 0
	for r := range state.Set.All() {
		if count == heldPart {
			if err := stream.Send(&pb.HeldResponse{Part: part}); err != nil {
				return err
			}
			part, count = &pb.Snapshot{}, 0
		}
		part.Blocks = agentapi.AppendRoute(part.Blocks, ids[routes.FoldAlias(r.Interface())], r)
		count++
	}
	part.Last = true
	return stream.Send(&pb.HeldResponse{Part: part})
}
