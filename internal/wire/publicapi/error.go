// Package publicapi converts between the domain and the public API's messages.
// It is where both meet: every route that comes in goes through routes.Parse,
// and every error goes out with its Reason.
package publicapi

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// domain is the domain of ErrorInfo in status details.
const domain = "hcsroute"

// Error converts a refusal.
func Error(e *routes.Error) *pb.Error {
	if e == nil {
		return nil
	}
	return &pb.Error{
		Reason: string(e.Reason), Field: e.Field, Value: e.Value, Message: e.Message(), Remedy: e.Remedy(),
		Params: e.Params, Related: e.Related, Problem: e.Problem,
	}
}

// FromError reads a refusal back.
func FromError(p *pb.Error) *routes.Error {
	if p == nil {
		return nil
	}
	return &routes.Error{
		Reason: routes.Reason(p.Reason), Field: p.Field, Value: p.Value, Problem: p.Problem, Action: p.Remedy,
		Params: p.Params, Related: p.Related,
	}
}

// Status is err as a gRPC status error: the table's code, ErrorInfo,
// BadRequest for a field, and the whole refusal as hcsroute.v1.Error.
func Status(err error) error {
	if err == nil {
		return nil
	}
	var e *routes.Error
	if !errors.As(err, &e) {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return status.Error(codes.DeadlineExceeded, "the call's deadline passed before it was carried out")
		case errors.Is(err, context.Canceled):
			return status.Error(codes.Canceled, "the caller cancelled the call")
		}
		if _, ok := status.FromError(err); ok {
			return err
		}
		return status.Error(codes.Internal, err.Error())
	}
	info, _ := e.Reason.Info()
	st := status.New(codes.Code(info.Code), e.Error())
	metadata := map[string]string{}
	for k, v := range e.Params {
		metadata[k] = v
	}
	if e.Field != "" {
		metadata["field"] = e.Field
	}
	if e.Value != "" {
		metadata["value"] = e.Value
	}
	withInfo, detailErr := st.WithDetails(&errdetails.ErrorInfo{Reason: string(e.Reason), Domain: domain, Metadata: metadata}, Error(e))
	if detailErr != nil {
		return st.Err()
	}
	if e.Field != "" && info.Code == routes.CodeInvalidArgument {
		bad := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: e.Field, Description: e.Problem, Reason: string(e.Reason)}}}
		if withField, err := withInfo.WithDetails(bad); err == nil {
			return withField.Err()
		}
	}
	return withInfo.Err()
}

// FromStatus reads a call's error back into a refusal. Errors without a
// Reason of ours become UNAVAILABLE, UNAUTHENTICATED, PERMISSION_DENIED or
// BAD_REQUEST by their code.
func FromStatus(err error) *routes.Error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return routes.AsError(err, routes.Unavailable)
	}
	for _, d := range st.Details() {
		if p, ok := d.(*pb.Error); ok {
			return FromError(p)
		}
	}
	reason := routes.BadRequest
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		reason = routes.Unavailable
	case codes.Unauthenticated:
		reason = routes.Unauthenticated
	case codes.PermissionDenied:
		reason = routes.PermissionDenied
	}
	return &routes.Error{Reason: reason, Problem: st.Message(), Cause: err}
}
