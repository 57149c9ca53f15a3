package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Bounds of a call's time.
const (
	defaultWait = 10 * time.Second
	maxWait     = 60 * time.Second
	// unaryLimit is above the longest wait that a call may ask for.
	unaryLimit = maxWait + 10*time.Second
)

// unary is around every call: identify, bound, carry out, log.
func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
		if md := publicapi.ReasonTrailer(err); md != nil {
			_ = grpc.SetTrailer(ctx, md) // fails where the call is over, and nobody reads it
		}
		s.logCall(ctx, info.FullMethod, start, err)
	}()
	if err := s.admit(ctx, info.FullMethod, req); err != nil {
		return nil, publicapi.Status(err)
	}
	if m, ok := req.(proto.Message); ok {
		if err := guard(m); err != nil {
			return nil, publicapi.Status(err)
		}
	}
	s.warnBehind(func(md metadata.MD) error { return grpc.SetHeader(ctx, md) })
	if identity(ctx).proof != nil { // those of the device's users are not worth a goroutine each
		var end context.CancelCauseFunc
		ctx, end = whileAllowed(ctx, info.FullMethod)
		defer end(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, unaryLimit)
	defer cancel()
	resp, err = handler(ctx, req)
	if errors.Is(err, context.Canceled) { // so nothing was done
		err = because(ctx, err)
	}
	return resp, publicapi.Status(err)
}

// stream is around every stream. Its context ends when the service stops.
func (s *Server) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
		if md := publicapi.ReasonTrailer(err); md != nil {
			ss.SetTrailer(md)
		}
		s.logCall(ss.Context(), info.FullMethod, start, err)
	}()
	if err := s.admit(ss.Context(), info.FullMethod, nil); err != nil {
		return publicapi.Status(err)
	}
	s.warnBehind(ss.SetHeader)
	ctx, end := whileAllowed(ss.Context(), info.FullMethod)
	defer end(nil)
	ctx, cancel := s.untilStop(ctx)
	defer cancel()
	err = handler(srv, &boundStream{ServerStream: ss, ctx: ctx})
	if err != nil && s.isStopping() {
		return publicapi.Status(&routes.Error{Reason: routes.Unavailable, Problem: "the service stops", Action: "Connect again"})
	}
	if err != nil {
		err = because(ctx, err)
	}
	return publicapi.Status(err)
}

// whileAllowed is ctx as long as its caller may make the call: afterwards its
// cause says why not any more.
func whileAllowed(ctx context.Context, method string) (context.Context, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(ctx)
	if id := identity(ctx); id.proof != nil {
		go id.proof.Watch(ctx, func(why error) { end(ended(id, why)) })
	} else if id.roleNow != nil {
		go keepRole(ctx, id, roleFor(method), end)
	}
	return ctx, end
}

// because is why the caller may not make the call of ctx any more, where that
// has ended it, else err.
func because(ctx context.Context, err error) error {
	var why *routes.Error
	if errors.As(context.Cause(ctx), &why) {
		return why
	}
	return err
}

// boundStream has another context and guards what it receives.
type boundStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc asks a stream for its context
}

// keepRole ends a stream once its caller's role does not suffice any more.
func keepRole(ctx context.Context, id Identity, need Role, fail func(error)) {
	for {
		var replaced <-chan struct{}
		id.Role, replaced = id.roleNow()
		if err := authorize(id, need, time.Now()); err != nil {
			fail(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-replaced:
		}
	}
}

// SendMsg sends a message, as long as the caller may have it.
func (b *boundStream) SendMsg(m any) error {
	if b.ctx.Err() != nil {
		return publicapi.Status(context.Cause(b.ctx))
	}
	return b.ServerStream.SendMsg(m)
}

// Context ends with the call or when the service stops.
func (b *boundStream) Context() context.Context { return b.ctx }

// RecvMsg receives a message and guards it.
func (b *boundStream) RecvMsg(m any) error {
	if err := b.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if p, ok := m.(proto.Message); ok {
		return publicapi.Status(guard(p))
	}
	return nil
}

// admit asks whether the caller may make the call, and notes refusals in the
// audit, as often as the limiter lets it.
func (s *Server) admit(ctx context.Context, method string, req any) error {
	need := roleFor(method)
	if v, ok := req.(interface{ GetValidateOnly() bool }); ok && v.GetValidateOnly() {
		need = Reader
	}
	err := authorize(identity(ctx), need, time.Now())
	if err == nil || routes.ReasonOf(err) == routes.Unavailable {
		return err
	}
	if ok, skipped := s.denials.Take(time.Now()); ok {
		who := caller(ctx, "")
		note := fmt.Sprintf("%s: %s", method, routes.AsError(err, routes.PermissionDenied).Message())
		if skipped > 0 {
			note += fmt.Sprintf(" (%d more refusals were not noted)", skipped)
		}
		s.note(ctx, who, note)
	}
	return err
}

// note audits a refused caller. Where the store cannot take the record, the caller
// gets the same refusal.
func (s *Server) note(ctx context.Context, who store.Caller, note string) {
	if err := s.store.Note(context.WithoutCancel(ctx), who, store.RefusedCaller, note); err != nil {
		s.log.Warn("a refused caller is not in the audit", "actor", who.Actor, "origin", who.Origin, "note", note, "error", err)
	}
}

func (s *Server) panicked(method string, p any) error {
	s.log.Error("panic", "method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "the service failed on this call; see its log")
}

func (s *Server) logCall(ctx context.Context, method string, start time.Time, err error) {
	level := slog.LevelDebug
	if err != nil {
		level = slog.LevelInfo
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	id := identity(ctx)
	args := []any{"method", method, "actor", id.Actor, "origin", id.Origin, "took", time.Since(start).Round(time.Microsecond), "code", status.Code(err).String()}
	if err != nil {
		args = append(args, "error", status.Convert(err).Message())
	}
	s.log.Log(ctx, level, "call", args...)
}
