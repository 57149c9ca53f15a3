package server_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a service on a real socket with a real store.
type rig struct {
	store  store.Store
	fleet  *fakeFleet
	path   string // of the socket
	server *server.Server
	local  *server.Listener
	stop   func() error
	conn   *grpc.ClientConn
	routes pb.RouteServiceClient
	inv    pb.InventoryServiceClient
	audit  pb.AuditServiceClient
	maint  pb.MaintenanceServiceClient
}

type rigOptions struct {
	server.Options
	local     server.LocalOptions
	listeners []*server.Listener // besides the local one
	bolt      boltstore.Options
	wrap      func(store.Store) store.Store
}

func start(t testing.TB, o rigOptions) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{fleet: newFleet(), path: filepath.Join(dir, "run", "hcsroute.sock")}
	db, err := boltstore.Open(filepath.Join(dir, "hcsroute.db"), o.bolt)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	r.store = db
	if o.wrap != nil {
		r.store = o.wrap(db)
	}
	o.Store, o.Fleet = r.store, r.fleet
	o.local.Path = r.path
	local, err := server.ListenUnix(t.Context(), o.local)
	must(t, err)
	r.local = local
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	r.server = server.New(o.Options)
	go func() { served <- r.server.Serve(ctx, append([]*server.Listener{local}, o.listeners...)...) }()
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-served:
			return err
		case <-time.After(time.Minute):
			return errors.New("the service does not stop")
		}
	}
	t.Cleanup(func() { must(t, r.stop()) })
	r.conn = r.dial(t)
	r.routes, r.inv = pb.NewRouteServiceClient(r.conn), pb.NewInventoryServiceClient(r.conn)
	r.audit, r.maint = pb.NewAuditServiceClient(r.conn), pb.NewMaintenanceServiceClient(r.conn)
	return r
}

func (r *rig) dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+r.path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func route(iface, destination, hop string, metric uint32) *pb.Route {
	return &pb.Route{Interface: iface, Destination: destination, NextHop: hop, Metric: &metric}
}

func selector(iface, destination, hop string) *pb.RouteSelector {
	return &pb.RouteSelector{Interface: iface, Destination: destination, NextHop: hop}
}

func (r *rig) add(t testing.TB, p *pb.Route) *pb.AddRouteResponse {
	t.Helper()
	resp, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: p})
	must(t, err)
	return resp
}

func key(t testing.TB, p *pb.Route) routes.Key {
	t.Helper()
	r, err := routes.Parse(routes.Text{Interface: p.Interface, Destination: p.Destination, NextHop: p.NextHop, Metric: int64(p.GetMetric())})
	must(t, err)
	return r.Key()
}
