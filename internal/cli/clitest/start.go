package clitest

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Start serves m on a unix socket until the test ends and returns the address.
func Start(t testing.TB, m *Model) string {
	t.Helper()
	// A socket's path is at most 108 bytes, which a test's own folder may exceed.
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	m.records, m.replies = map[netip.Prefix]map[routes.Key]routes.Record{}, map[string]any{}
	m.changed, m.stop = make(chan struct{}), make(chan struct{})
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	pb.RegisterRouteServiceServer(server, routeService{Model: m})
	pb.RegisterInventoryServiceServer(server, inventoryService{Model: m})
	pb.RegisterAuditServiceServer(server, auditService{Model: m})
	pb.RegisterMaintenanceServiceServer(server, maintenanceService{Model: m})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		close(m.stop)
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "unix://" + path
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
