package server

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// healthInterval is how often the store's health is looked at while somebody
// watches it; nobody wakes the service up otherwise.
const healthInterval = time.Second

// HealthWrites is the health service that reports whether routes can be changed.
const HealthWrites = "hcsroute.v1.RouteService.writes"

// liveHealth is the health service with the store's health as it is when asked.
type liveHealth struct {
	*health.Server
	refresh func()
}

// Check looks at the store first.
func (h liveHealth) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	h.refresh()
	return h.Server.Check(ctx, req)
}

// Watch keeps looking at the store as long as the watch lasts.
func (h liveHealth) Watch(req *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	h.refresh()
	ctx, cancel := context.WithCancel(stream.Context())
	var looking sync.WaitGroup
	looking.Go(func() { h.look(ctx) })
	defer looking.Wait()
	defer cancel()
	return h.Server.Watch(req, stream)
}

func (h liveHealth) look(ctx context.Context) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.refresh()
		}
	}
}

// setHealth: with DISK_FULL reads go on and writes resume by themselves;
// after STORE_FAILED the process must be started again.
func (s *Server) setHealth() {
	reason := routes.Reason("")
	if err := s.store.Info().Err; err != nil {
		reason = err.Reason
	}
	s.health.SetServingStatus(HealthWrites, serving(reason == ""))
	for _, name := range []string{"", pb.RouteService_ServiceDesc.ServiceName, pb.AuditService_ServiceDesc.ServiceName} {
		s.health.SetServingStatus(name, serving(reason != routes.StoreFailed))
	}
	for _, name := range []string{pb.InventoryService_ServiceDesc.ServiceName, pb.MaintenanceService_ServiceDesc.ServiceName} {
		s.health.SetServingStatus(name, serving(true))
	}
}

func serving(ok bool) healthpb.HealthCheckResponse_ServingStatus {
	if ok {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}
