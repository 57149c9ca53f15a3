package server

import (
	"context"
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Bounds of a page of audit records.
const (
	defaultAuditPage = 100
	maxAuditPage     = 1000
	maxAuditRoutes   = 2 * maxItems // what one batch may name
)

// ListAuditRecords reads audit records in pages, newest first.
func (s *auditService) ListAuditRecords(ctx context.Context, req *pb.ListAuditRecordsRequest) (*pb.ListAuditRecordsResponse, error) {
	size, err := pageSize(req.GetPageSize(), defaultAuditPage, maxAuditPage)
	if err != nil {
		return nil, err
	}
	bound := pageOf(&pb.ListAuditRecordsRequest{Since: req.GetSince(), Until: req.GetUntil(), Destination: req.GetDestination(), Actor: req.GetActor()})
	q := store.AuditQuery{Actor: req.GetActor(), Limit: size, Routes: maxAuditRoutes}
	if q.Before, err = bound.sequence(req.GetPageToken()); err != nil {
		return nil, err
	}
	if q.Since, err = auditTime("since", req.GetSince()); err != nil {
		return nil, err
	}
	if q.Until, err = auditTime("until", req.GetUntil()); err != nil {
		return nil, err
	}
	if req.GetDestination() != "" {
		if q.Destination, err = routes.ParseDestination(req.GetDestination()); err != nil {
			return nil, err
		}
	}
	recs, more, err := s.store.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &pb.ListAuditRecordsResponse{}
	bytes := 0
	for i, rec := range recs {
		p := auditRecord(rec)
		resp.Records = append(resp.Records, p)
		// A batch's record may be large: see maxPageBytes.
		if bytes += proto.Size(p); bytes >= maxPageBytes && i+1 < len(recs) {
			more = true
			break
		}
	}
	if more && len(resp.Records) > 0 {
		resp.NextPageToken = bound.sequenceToken(resp.Records[len(resp.Records)-1].Sequence)
	}
	return resp, nil
}

func auditRecord(rec store.AuditRecord) *pb.AuditRecord {
	p := &pb.AuditRecord{
		Sequence: rec.Sequence, Time: timestamppb.New(rec.Time), Actor: rec.Caller.Actor, OnBehalfOf: rec.Caller.OnBehalfOf,
		Origin: rec.Caller.Origin, Action: rec.Action, Revision: uint64(rec.Revision), Before: rec.Before, After: rec.After,
		Items: rec.Items, RequestId: rec.RequestID, Note: rec.Note, Hash: hex.EncodeToString(rec.Hash[:]),
		Certificate: rec.Caller.Certificate, Refused: rec.Refused, Damaged: rec.Damaged,
	}
	if rec.ItemsDigest != [32]byte{} {
		p.ItemsDigest = hex.EncodeToString(rec.ItemsDigest[:])
	}
	return p
}

// auditTime is a bound of a query; the zero time where there is none.
func auditTime(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if t.CheckValid() != nil {
		return time.Time{}, &routes.Error{Reason: routes.BadRequest, Field: field, Problem: "not a time"}
	}
	return t.AsTime(), nil
}

// VerifyAudit checks the hash chain.
func (s *auditService) VerifyAudit(ctx context.Context, _ *pb.VerifyAuditRequest) (*pb.VerifyAuditResponse, error) {
	proof, err := s.store.VerifyAudit(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.VerifyAuditResponse{Records: proof.Records, First: proof.First, Head: hex.EncodeToString(proof.Head[:]), Problem: proof.Problem}, nil
}
