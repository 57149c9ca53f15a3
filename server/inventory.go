package server

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// ListInterfaces lists the ports with the reason why each can or cannot take routes.
func (s *inventoryService) ListInterfaces(ctx context.Context, _ *pb.ListInterfacesRequest) (*pb.ListInterfacesResponse, error) {
	stored, spelling := map[string]uint64{}, map[string]string{}
	if _, err := s.store.Snapshot(ctx, false, func(rec routes.Record) error {
		key := routes.FoldAlias(rec.Route.Interface())
		stored[key]++
		spelling[key] = rec.Route.Interface()
		return nil
	}); err != nil {
		return nil, err
	}
	snap := s.snapshot()
	resp := &pb.ListInterfacesResponse{}
	for _, port := range s.fleet.Inventory().Ports {
		key := routes.FoldAlias(port.Alias)
		resp.Interfaces = append(resp.Interfaces, showPort(snap, port, stored[key]))
		delete(stored, key)
	}
	// Ports that are gone but have routes: an operator looks for them here.
	for key, n := range stored {
		resp.Interfaces = append(resp.Interfaces, showPort(snap, routes.Port{Alias: spelling[key]}, n))
	}
	slices.SortFunc(resp.Interfaces, func(a, b *pb.Interface) int { return strings.Compare(a.Alias, b.Alias) })
	return resp, nil
}

func showPort(snap *snapshot, port routes.Port, stored uint64) *pb.Interface {
	p := &pb.Interface{
		Alias: port.Alias, Mac: port.MAC, Role: cmp.Or(string(port.Role), "data"),
		Addressing: cmp.Or(string(port.Addressing), "unknown"), Carrier: port.Carrier, Team: port.Team, Switch: port.Switch, Routes: stored,
	}
	for _, a := range port.Addresses {
		p.Addresses = append(p.Addresses, a.String())
	}
	if port.Link != routes.LinkStateUnknown {
		p.Up = proto.Bool(port.Link == routes.LinkStateUp)
	}
	if !snap.facts(port.Alias).Found {
		p.Role = string(routes.PortRoleUnknown)
	}
	if err := routes.CheckPort(port.Alias, snap.facts(port.Alias)); err != nil {
		e := routes.AsError(err, routes.InventoryUnavailable)
		p.Reason, p.Message = string(e.Reason), e.Message()
		return p
	}
	p.Eligible = true
	var odd []string
	for _, w := range routes.PortWarnings(port) {
		odd = append(odd, w.Message)
	}
	p.Message = strings.Join(odd, "; ")
	return p
}

// ListNodes lists the Kubernetes VMs and their sessions.
func (s *inventoryService) ListNodes(context.Context, *pb.ListNodesRequest) (*pb.ListNodesResponse, error) {
	resp := &pb.ListNodesResponse{Revision: uint64(s.store.Info().Version.Revision)}
	for _, n := range s.fleet.Nodes() {
		resp.Nodes = append(resp.Nodes, showNode(n))
	}
	slices.SortFunc(resp.Nodes, func(a, b *pb.Node) int { return strings.Compare(a.Name, b.Name) })
	return resp, nil
}

func showNode(n fleet.NodeInfo) *pb.Node {
	p := &pb.Node{
		Id: n.ID, Name: n.Name, Role: n.Role, State: string(n.State), Known: n.Known, Connected: n.Connected, Endpoint: n.Endpoint,
		Revision: uint64(n.Revision), Programmed: n.Programmed, Waiting: n.Waiting, Failed: n.Failed, Repairs: n.Repairs,
		Problem: n.Problem, AgentVersion: n.Agent, Gone: n.Gone, Kernel: n.Kernel, KernelWrites: n.Writes,
		Remedy: n.Remedy,
	}
	if n.Certificate != nil {
		p.Certificate = showCertificate(certs.Describe("agent", "", n.Certificate, time.Now()))
	}
	if !n.LastReport.IsZero() {
		p.LastReport = timestamppb.New(n.LastReport)
	}
	reported := map[string]fleet.Link{}
	for _, l := range slices.Backward(n.Links) { // the first that bears a MAC is the NIC
		reported[strings.ToLower(l.MAC)] = l
	}
	for _, nic := range n.NICs {
		q := &pb.NodeNic{Mac: nic.MAC, Switch: nic.Switch}
		addresses := nic.Addresses
		if l, ok := reported[strings.ToLower(nic.MAC)]; ok {
			q.Link, q.Interface = l.Name, l.Port
			addresses = l.Addresses
		}
		for _, a := range addresses {
			q.Addresses = append(q.Addresses, a.String())
		}
		p.Nics = append(p.Nics, q)
	}
	return p
}

// ForgetNode forgets a node that will not come back.
func (s *inventoryService) ForgetNode(ctx context.Context, req *pb.ForgetNodeRequest) (*pb.ForgetNodeResponse, error) {
	if err := checkClaim(req.GetOnBehalfOf()); err != nil {
		return nil, err
	}
	n, err := fleet.Find(s.fleet.Nodes(), req.GetNode())
	if err != nil {
		return nil, err
	}
	if err := s.store.Forget(ctx, n.ID, caller(ctx, req.GetOnBehalfOf())); err != nil {
		return nil, err
	}
	s.fleet.Forgotten(context.WithoutCancel(ctx), n.ID) // the store has done it
	return &pb.ForgetNodeResponse{}, nil
}

// AdoptNode lets this service take over a node that holds another store's
// routes, and ends an accusation of it. The audit comes first: nothing is
// adopted without its record.
func (s *inventoryService) AdoptNode(ctx context.Context, req *pb.AdoptNodeRequest) (*pb.AdoptNodeResponse, error) {
	if err := checkClaim(req.GetOnBehalfOf()); err != nil {
		return nil, err
	}
	n, err := fleet.Find(s.fleet.Nodes(), req.GetNode())
	if err != nil {
		return nil, err
	}
	if err := s.store.Note(ctx, caller(ctx, req.GetOnBehalfOf()), "adopt-node", "node "+n.ID); err != nil {
		return nil, err
	}
	if err := s.fleet.Adopt(ctx, n.ID); err != nil {
		return nil, err
	}
	return &pb.AdoptNodeResponse{}, nil
}
