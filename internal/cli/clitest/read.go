package clitest

import (
	"context"
	"slices"
	"strconv"

	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (m *Model) keeps(f *pb.RouteFilter, p *pb.Route) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	alias := len(f.GetInterfaces()) == 0
	for _, a := range f.GetInterfaces() {
		alias = alias || routes.FoldAlias(a) == routes.FoldAlias(p.GetInterface())
	}
	v4 := p.GetDestination()[len(p.GetDestination())-3] != ':' && !slices.Contains([]byte(p.GetDestination()), ':')
	family := f.GetAddressFamily() == 0 || v4 == (f.GetAddressFamily() == pb.AddressFamily_ADDRESS_FAMILY_IPV4)
	return alias && family && in(f.GetDestinations(), p.GetDestination()) && in(f.GetNextHops(), p.GetNextHop()) &&
		(len(f.GetMetrics()) == 0 || slices.Contains(f.GetMetrics(), p.GetMetric())) && (len(f.GetStates()) == 0 || slices.Contains(f.GetStates(), p.GetState()))
}

func (m *Model) list(f *pb.RouteFilter) ([]*pb.Route, error) {
	for _, a := range f.GetInterfaces() {
		if !m.facts(a).Found {
			return nil, wire.Status(&routes.Error{Reason: routes.InterfaceNotFound, Field: "interface", Value: a, Problem: "the device has no such port"})
		}
	}
	var out []*pb.Route
	for _, rec := range m.sorted() {
		if p := m.proto(rec); m.keeps(f, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (s routeService) ListRoutes(_ context.Context, req *pb.ListRoutesRequest) (*pb.ListRoutesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.list(req.GetFilter())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = 1000
	}
	start, _ := strconv.Atoi(req.GetPageToken())
	end := min(start+size, len(all))
	resp := &pb.ListRoutesResponse{Routes: all[min(start, end):end], Revision: uint64(s.revision)}
	if end < len(all) {
		resp.NextPageToken = strconv.Itoa(end)
	}
	return resp, nil
}

func (s routeService) WatchRoutes(req *pb.WatchRoutesRequest, stream grpc.ServerStreamingServer[pb.WatchRoutesResponse]) error {
	s.mu.Lock()
	current, err := s.list(req.GetFilter())
	seen, revision := len(s.events), uint64(s.revision)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	for _, p := range current {
		if err := stream.Send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_CURRENT, Route: p, Revision: revision}); err != nil {
			return err
		}
	}
	if err := stream.Send(&pb.WatchRoutesResponse{Kind: pb.WatchRoutesResponse_KIND_IN_SYNC, Revision: revision}); err != nil {
		return err
	}
	for {
		s.mu.Lock()
		events, changed := s.events[seen:], s.changed
		seen = len(s.events)
		s.mu.Unlock()
		for _, e := range events {
			if err := stream.Send(e); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-s.stop:
			return nil
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (s routeService) WaitRoutes(_ context.Context, req *pb.WaitRoutesRequest) (*pb.WaitRoutesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := &pb.WaitRoutesResponse{Acknowledged: s.Silent == "", Revision: max(req.GetRevision(), uint64(s.revision))}
	if s.Silent != "" {
		resp.Warnings = []*pb.Warning{{Code: string(routes.WarnNotProgrammed), Message: "node " + s.Silent + " is late", Params: map[string]string{"node": s.Silent}}}
	}
	return resp, nil
}

func (s routeService) ExplainRoute(_ context.Context, req *pb.ExplainRouteRequest) (*pb.ExplainRouteResponse, error) {
	if _, err := routes.ParseNextHop(req.GetAddress(), ""); err != nil {
		return nil, wire.Status(&routes.Error{Reason: routes.BadRequest, Field: "address", Value: req.GetAddress(), Problem: "not an IP address"})
	}
	return &pb.ExplainRouteResponse{Paths: []*pb.NodePath{
		{Node: "k8s-master", Destination: "192.168.21.0/24", NextHop: "192.168.20.1", Link: "eth1", Interface: "Port3", Source: "192.168.20.11", Metric: 100, Protocol: "hcsroute", Ours: true},
		{Node: "k8s-worker", Problem: "the node could not be asked: no session"},
	}}, nil
}
