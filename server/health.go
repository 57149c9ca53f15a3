package server

import (
	"context"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// healthInterval is how often the store's health is looked at; it costs no I/O.
const healthInterval = time.Second

// HealthWrites is the health service that tells whether routes can be changed.
const HealthWrites = "hcsroute.v1.RouteService.writes"

// watchHealth keeps the health service true until ctx ends.
func (s *Server) watchHealth(ctx context.Context) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	for {
		s.setHealth()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// setHealth: with DISK_FULL reads go on and writes resume by themselves;
// after STORE_FAILED the process must be started anew.
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
