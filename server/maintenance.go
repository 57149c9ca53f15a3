package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// backupPiece is the size of the pieces of a backup, in bytes.
const backupPiece = 256 << 10

// GetServiceInfo returns version, store and health.
func (s *maintenanceService) GetServiceInfo(ctx context.Context, _ *pb.GetServiceInfoRequest) (*pb.GetServiceInfoResponse, error) {
	info, id := s.store.Info(), identity(ctx)
	resp := &pb.GetServiceInfoResponse{
		Version: s.version, StartTime: timestamppb.New(s.started), StoreId: info.Version.StoreID, Epoch: info.Version.Epoch,
		Revision: uint64(info.Version.Revision), Routes: info.Version.Count, StoreBytes: uint64(info.Bytes), StorePath: info.Path,
		Writable: info.Err == nil, Digest: info.Version.Digest.String(), Removing: info.Removing,
		InventoryProblem: inventoryProblem(s.fleet.Inventory()), Caller: id.Actor, CallerRole: id.Role.String(),
		CertificateProblems: s.certificateProblems(), StoreError: publicapi.Error(info.Err),
		InventoryProblems: inventoryProblems(s.fleet.Inventory()),
	}
	for _, c := range s.certificates() {
		resp.Certificates = append(resp.Certificates, showCertificate(c))
	}
	resp.BehindNodes = s.behindNodes()
	resp.StoreOpened, resp.ArchiveProblem, resp.ListenProblem = info.Opened, info.ArchiveProblem, s.listenProblem()
	if info.Err != nil {
		resp.Problem = info.Err.Error()
	}
	return resp, nil
}

func showCertificate(c certs.Certificate) *pb.Certificate {
	p := &pb.Certificate{Use: c.Use, File: c.File, Subject: c.Subject, Serial: c.Serial, Issuer: c.Issuer, InUse: c.InUse, Problem: c.Problem}
	if !c.NotAfter.IsZero() {
		p.NotAfter = timestamppb.New(c.NotAfter)
	}
	return p
}

// listenProblem is why a listener does not listen yet.
func (s *Server) listenProblem() string {
	for _, l := range s.listeners {
		if l.problem != nil && l.problem() != "" {
			return l.problem()
		}
	}
	return ""
}

// inventoryProblem is all that is wrong with the inventory.
func inventoryProblem(snap *hostvm.Snapshot) string {
	var all []string
	for _, p := range inventoryProblems(snap) {
		all = append(all, p.Problem)
	}
	return strings.Join(all, "; ")
}

// inventoryProblems are the same, each with what to do.
func inventoryProblems(snap *hostvm.Snapshot) (all []*pb.InventoryProblem) {
	if snap.Problem != "" {
		all = append(all, &pb.InventoryProblem{Problem: snap.Problem, Remedy: "See 'journalctl -u hcsrouted' on the device for what keeps the service from reading its ports."})
	}
	for _, d := range snap.Diagnostics {
		all = append(all, &pb.InventoryProblem{Problem: d.Problem, Remedy: d.Remedy, Refused: d.Refused})
	}
	return all
}

// Backup streams a consistent copy of the store while it is in use.
func (s *maintenanceService) Backup(_ *pb.BackupRequest, stream grpc.ServerStreamingServer[pb.BackupResponse]) error {
	ctx := stream.Context()
	w := &pieces{send: stream.Send, sum: sha256.New()}
	info, err := s.store.Backup(ctx, w)
	if err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	// A backup holds everything there is to know: who took one is worth a record.
	if err := s.store.Note(ctx, caller(ctx, ""), "backup", fmt.Sprintf("revision %d", info.Version.Revision)); err != nil {
		s.log.Warn("a backup is not in the audit", "error", err)
	}
	return stream.Send(&pb.BackupResponse{Sha256: hex.EncodeToString(w.sum.Sum(nil)), Revision: uint64(info.Version.Revision)})
}

// pieces sends what is written in pieces of even size.
type pieces struct {
	send func(*pb.BackupResponse) error
	sum  hash.Hash
	buf  []byte
}

// Write takes the next bytes of the copy.
func (w *pieces) Write(p []byte) (int, error) {
	w.sum.Write(p)
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), backupPiece-len(w.buf))
		w.buf = append(w.buf, p[:take]...)
		p = p[take:]
		if len(w.buf) == backupPiece {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (w *pieces) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	piece := w.buf
	w.buf = nil // the message keeps the bytes
	return w.send(&pb.BackupResponse{Data: piece})
}

// CheckStore verifies pages, records, digest and audit chain.
func (s *maintenanceService) CheckStore(ctx context.Context, _ *pb.CheckStoreRequest) (*pb.CheckStoreResponse, error) {
	report, err := s.store.Check(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.CheckStoreResponse{Problems: report.Problems, Routes: report.Routes, AuditRecords: report.AuditRecords}, nil
}

// CompactStore rewrites the store without free pages.
func (s *maintenanceService) CompactStore(ctx context.Context, _ *pb.CompactStoreRequest) (*pb.CompactStoreResponse, error) {
	before, after, err := s.store.Compact(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.CompactStoreResponse{BytesBefore: uint64(before), BytesAfter: uint64(after)}, nil
}
