package server

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// lossPart is how many routes one part of a difference carries.
const lossPart = 1000

// warnBehind puts the warning of a store that is behind into the header of every
// answer.
func (s *Server) warnBehind(set func(metadata.MD) error) {
	nodes := s.behindNodes()
	if len(nodes) == 0 {
		return
	}
	err := set(publicapi.WarningHeader(routes.Warning{
		Code: routes.WarnStoreBehind, Params: map[string]string{"node": strings.Join(nodes, ", ")},
		Message: "the store has " + routes.LostChanges(nodes) + "; see 'hcsroute store behind', then restore a backup or run 'hcsroute store accept'",
	}))
	if err != nil {
		s.log.Debug("a warning was not sent", "error", err)
	}
}

// behindNodes are the names of the nodes that proved a loss, in order.
func (s *Server) behindNodes() (names []string) {
	for _, loss := range s.store.Losses() {
		names = append(names, s.nodeName(loss.Node))
	}
	slices.Sort(names)
	return names
}

// ListLosses compares the store with the nodes that proved a loss.
func (s *maintenanceService) ListLosses(req *pb.ListLossesRequest, stream grpc.ServerStreamingServer[pb.ListLossesResponse]) error {
	if req.GetWithoutRoutes() {
		for _, loss := range s.store.Losses() {
			if err := sendDifference(stream, fleet.Difference{Node: s.nodeName(loss.Node), Loss: loss}); err != nil {
				return err
			}
		}
		return nil
	}
	list, err := s.fleet.Losses(stream.Context())
	if err != nil {
		return err
	}
	for _, d := range list {
		if err := sendDifference(stream, d); err != nil {
			return err
		}
	}
	return nil
}

func sendDifference(stream grpc.ServerStreamingServer[pb.ListLossesResponse], d fleet.Difference) error {
	for first := true; first || len(d.OnlyInNode)+len(d.OnlyInStore) > 0; first = false {
		part := &pb.ListLossesResponse{
			Node: d.Node, NodeId: d.Loss.Node, Epoch: d.Version.Epoch, Revision: uint64(d.Version.Revision), Time: timestamppb.New(d.Time), Problem: d.Problem,
		}
		part.OnlyInNode, d.OnlyInNode = lossRoutes(d.OnlyInNode)
		part.OnlyInStore, d.OnlyInStore = lossRoutes(d.OnlyInStore)
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return nil
}

// seenLosses are those of the store's that a caller has seen.
func (s *Server) seenLosses(seen []*pb.SeenLoss) []store.Loss {
	return slices.DeleteFunc(slices.Clone(s.store.Losses()), func(loss store.Loss) bool {
		return !slices.ContainsFunc(seen, func(p *pb.SeenLoss) bool {
			return p.GetNodeId() == loss.Node && p.GetEpoch() == loss.Version.Epoch && p.GetRevision() == uint64(loss.Version.Revision)
		})
	})
}

// nodeName is the name of the node with that id; the id where it is not known.
func (s *Server) nodeName(id string) string {
	for _, n := range s.fleet.Nodes() {
		if n.ID == id {
			return n.Name
		}
	}
	return id
}

func lossRoutes(list []routes.Route) (part []*pb.Route, rest []routes.Route) {
	n := min(len(list), lossPart)
	for _, r := range list[:n] {
		part = append(part, publicapi.Route(r))
	}
	return part, list[n:]
}

// AcceptLosses accepts what the store has lost.
func (s *maintenanceService) AcceptLosses(ctx context.Context, req *pb.AcceptLossesRequest) (*pb.AcceptLossesResponse, error) {
	if err := checkClaim(req.GetOnBehalfOf()); err != nil {
		return nil, err
	}
	if info := s.store.Info(); len(s.store.Losses()) == 0 && info.Opened == "" {
		return nil, &routes.Error{Reason: routes.NotFound, Field: "store", Problem: "no node has proved a loss, so there is nothing to accept", Action: "See hcsroute doctor"}
	}
	if err := s.store.Accept(ctx, caller(ctx, req.GetOnBehalfOf()), s.seenLosses(req.GetSeen())); err != nil {
		return nil, err
	}
	v := s.store.Info().Version
	return &pb.AcceptLossesResponse{Epoch: v.Epoch, Revision: uint64(v.Revision)}, nil
}
