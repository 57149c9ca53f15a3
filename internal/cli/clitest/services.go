package clitest

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

type inventoryService struct {
	pb.UnimplementedInventoryServiceServer
	*Model
}

func (s inventoryService) ListInterfaces(context.Context, *pb.ListInterfacesRequest) (*pb.ListInterfacesResponse, error) {
	resp := &pb.ListInterfacesResponse{}
	for _, p := range s.ports() {
		role := string(p.Role)
		if role == "" {
			role = "data"
		}
		i := &pb.Interface{Alias: p.Alias, Mac: p.MAC, Up: p.Up, Role: role, Addressing: string(p.Addressing), Team: p.Team, Switch: p.Switch}
		for _, a := range p.Addresses {
			i.Addresses = append(i.Addresses, a.String())
		}
		r, err := routes.Parse(routes.Text{Interface: p.Alias, Destination: "198.51.100.0/24", NextHop: "0.0.0.0", Metric: 256})
		if err == nil {
			_, err = routes.Check(r, s.facts(p.Alias), s.policy())
		}
		i.Eligible = err == nil
		if err != nil {
			e := routes.AsError(err, routes.BadRequest)
			i.Reason, i.Message = string(e.Reason), e.Problem
		}
		resp.Interfaces = append(resp.Interfaces, i)
	}
	return resp, nil
}

func (s inventoryService) ListNodes(context.Context, *pb.ListNodesRequest) (*pb.ListNodesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := &pb.ListNodesResponse{Revision: uint64(s.revision)}
	for _, name := range []string{"k8s-master", "k8s-worker"} {
		n := &pb.Node{
			Id: name, Name: name, Role: "worker", State: "auto", Known: true, Connected: true, Endpoint: "unix:///run/" + name + ".sock", Revision: uint64(s.revision),
			Programmed: uint64(s.count), LastReport: timestamppb.New(clock()), AgentVersion: "1.0.0", Kernel: "6.12.0",
			Nics: []*pb.NodeNic{{Mac: "02:00:00:00:20:11", Switch: "vswitch-Port3", Interface: "Port3", Link: "eth1", Addresses: []string{"192.168.20.11/24"}}},
		}
		if name == "k8s-master" {
			n.Role = "master"
		}
		if name == s.Silent {
			n.Connected, n.Programmed, n.Waiting, n.Problem = false, 0, uint64(s.count), "no answer from unix:///run/agent.sock"
		}
		resp.Nodes = append(resp.Nodes, n)
	}
	return resp, nil
}

func (s inventoryService) ForgetNode(_ context.Context, req *pb.ForgetNodeRequest) (*pb.ForgetNodeResponse, error) {
	return &pb.ForgetNodeResponse{}, known(req.GetNode())
}

func (s inventoryService) AdoptNode(_ context.Context, req *pb.AdoptNodeRequest) (*pb.AdoptNodeResponse, error) {
	return &pb.AdoptNodeResponse{}, known(req.GetNode())
}

func known(node string) error {
	if node == "k8s-master" || node == "k8s-worker" {
		return nil
	}
	return wire.Status(&routes.Error{Reason: routes.NotFound, Field: "node", Value: node, Problem: "there is no such node", Action: "Use k8s-master or k8s-worker"})
}

type auditService struct {
	pb.UnimplementedAuditServiceServer
	*Model
}

func (s auditService) ListAuditRecords(_ context.Context, req *pb.ListAuditRecordsRequest) (*pb.ListAuditRecordsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := &pb.ListAuditRecordsResponse{}
	for i := len(s.audit) - 1; i >= 0 && len(resp.Records) < max(int(req.GetPageSize()), 1); i-- {
		resp.Records = append(resp.Records, s.audit[i])
	}
	return resp, nil
}

func (s auditService) VerifyAudit(context.Context, *pb.VerifyAuditRequest) (*pb.VerifyAuditResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.VerifyAuditResponse{Records: uint64(len(s.audit)), First: 1, Head: "00ff"}, nil
}

type maintenanceService struct {
	pb.UnimplementedMaintenanceServiceServer
	*Model
}

func (s maintenanceService) GetServiceInfo(context.Context, *pb.GetServiceInfoRequest) (*pb.GetServiceInfoResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.GetServiceInfoResponse{
		Version: "1.0.0", StartTime: timestamppb.New(clock()), StoreId: "5e0f", Epoch: 1, Revision: uint64(s.revision), Routes: uint64(s.count),
		StoreBytes: 65536, StorePath: "/var/lib/hcsroute/hcsroute.db", Writable: true, Digest: "00", Caller: "uid:0", CallerRole: "admin",
	}, nil
}

func (s maintenanceService) Backup(_ *pb.BackupRequest, stream pb.MaintenanceService_BackupServer) error {
	for _, piece := range []string{"the ", "store"} {
		if err := stream.Send(&pb.BackupResponse{Data: []byte(piece)}); err != nil {
			return err
		}
	}
	return stream.Send(&pb.BackupResponse{Sha256: sum("the store"), Revision: 1})
}

func (s maintenanceService) CheckStore(context.Context, *pb.CheckStoreRequest) (*pb.CheckStoreResponse, error) {
	return &pb.CheckStoreResponse{Routes: 1, AuditRecords: 1}, nil
}

func (s maintenanceService) CompactStore(context.Context, *pb.CompactStoreRequest) (*pb.CompactStoreResponse, error) {
	return &pb.CompactStoreResponse{BytesBefore: 131072, BytesAfter: 65536}, nil
}
