package client

import (
	"context"
	"sync"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// warner passes on the warnings in the headers of answers, each once.
type warner struct {
	warn func(*pb.Warning)
	mu   sync.Mutex
	seen map[string]bool // by code and message
	kept []*pb.Warning
}

func (w *warner) take(md metadata.MD) {
	for _, one := range publicapi.HeaderWarnings(md) {
		if w.news(one) && w.warn != nil {
			w.warn(one)
		}
	}
}

func (w *warner) news(one *pb.Warning) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := one.GetCode() + " " + one.GetMessage()
	if w.seen[key] {
		return false
	}
	w.seen[key] = true
	if w.warn == nil {
		w.kept = append(w.kept, one)
	}
	return true
}

// HandleRPC takes the header of an answer, or its trailer where there is no
// more than that.
func (w *warner) HandleRPC(_ context.Context, s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.InHeader:
		w.take(s.Header)
	case *stats.InTrailer:
		w.take(s.Trailer)
	}
}

// TagRPC is a stats.Handler's; there is nothing to tag.
func (*warner) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn is a stats.Handler's; there is nothing to tag.
func (*warner) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn is a stats.Handler's; connections carry no warnings.
func (*warner) HandleConn(context.Context, stats.ConnStats) {}
