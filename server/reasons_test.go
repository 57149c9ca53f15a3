package server_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
)

var update = flag.Bool("update", false, "write the golden files again")

// brokenStore refuses the next change with an error of the disk.
type brokenStore struct {
	store.Store
	fail *routes.Error // consumed by the next Apply
}

func (b *brokenStore) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if err := b.fail; err != nil {
		b.fail = nil
		return store.Result{}, err
	}
	return b.Store.Apply(ctx, req)
}

// TestEveryReason makes every Reason happen through the real API and keeps
// what the operator reads.
func TestEveryReason(t *testing.T) {
	broken := &brokenStore{}
	r := start(t, rigOptions{
		Options: server.Options{Policy: routes.Policy{HostDestinations: routes.Refuse, Protected: []routes.Protected{
			routes.ProtectPrefix(routes.ProtectedService, prefixes("172.28.0.0/16")[0]),
		}}},
		wrap: func(s store.Store) store.Store { broken.Store = s; return broken },
	})
	ctx := t.Context()
	const dst, hop = "192.168.21.0/24", "192.168.20.1"
	r.add(t, route("Port3", dst, hop, 100))
	r.add(t, route("Port3", dst, "192.168.20.7", 101))
	add := func(iface, destination, nextHop string, metric uint32) error {
		_, err := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: route(iface, destination, nextHop, metric)})
		return err
	}
	remove := func(req *pb.RemoveRouteRequest) error {
		_, err := r.routes.RemoveRoute(ctx, req)
		return err
	}
	failing := func(e *routes.Error) error {
		broken.fail = e
		err := add("Port3", "10.77.0.0/16", hop, 1)
		if broken.fail != nil {
			t.Errorf("the fault %s was not consumed", e.Reason)
		}
		return err
	}
	causes := map[routes.Reason]func() error{
		routes.DestinationInvalid:  func() error { return add("Port3", "224.0.0.0/8", hop, 1) },
		routes.DestinationHostBits: func() error { return add("Port3", "192.168.21.7/24", hop, 1) },
		routes.DefaultRoute:        func() error { return add("Port3", "0.0.0.0/1", hop, 1) },
		routes.HostDestination:     func() error { return add("Port3", "192.168.77.7", hop, 1) },
		routes.ProtectedPrefix:     func() error { return add("Port3", "172.28.5.0/24", hop, 1) },
		routes.NextHopInvalid:      func() error { return add("Port3", dst, "192.168.20.11", 1) },
		routes.NextHopNotOnLink:    func() error { return add("Port3", dst, "192.168.99.1", 1) },
		routes.MetricOutOfRange:    func() error { return add("Port3", dst, hop, 0) },
		routes.InterfaceNotFound:   func() error { return add("Port9", dst, hop, 1) },
		routes.HostRoute:           func() error { return add("Port1", dst, hop, 1) },
		routes.InterfaceNotStatic:  func() error { return add("Port2", dst, hop, 1) },
		routes.InterfaceTeamed:     func() error { return add("Port4", dst, "192.168.40.1", 1) },
		routes.OverridesOnLink:     func() error { return add("Port3", "192.168.20.128/25", hop, 1) },
		routes.AlreadyExists:       func() error { return add("Port3", dst, hop, 200) },
		routes.MetricConflict:      func() error { return add("Port3", dst, "192.168.20.9", 100) },
		routes.DestinationFull: func() error {
			const crowded = "192.168.64.0/24"
			for i := range routes.MaxPerDestination {
				r.add(t, route("Port3", crowded, fmt.Sprintf("192.168.20.%d", 100+i), uint32(1+i)))
			}
			return add("Port3", crowded, hop, 900)
		},
		routes.Ambiguous: func() error { return remove(&pb.RemoveRouteRequest{Selector: selector("Port3", dst, "")}) },
		routes.NotFound:  func() error { return remove(&pb.RemoveRouteRequest{Selector: selector("Port3", "10.9.0.0/16", "")}) },
		routes.RevisionMismatch: func() error {
			return remove(&pb.RemoveRouteRequest{Selector: selector("Port3", dst, hop), ExpectedRevision: 7})
		},
		routes.InventoryUnavailable: func() error {
			r.fleet.set(func() { r.fleet.problem = "netlink: permission denied" })
			defer r.fleet.set(func() { r.fleet.problem = "" })
			return add("Port3", dst, hop, 1)
		},
		routes.RequestIDReused: func() error {
			req := &pb.AddRouteRequest{Route: route("Port3", "10.78.0.0/16", hop, 1), RequestId: uuid.NewSHA1(uuid.Nil, []byte("golden")).String()}
			if _, err := r.routes.AddRoute(ctx, req); err != nil {
				return err
			}
			req.Force = true
			_, err := r.routes.AddRoute(ctx, req)
			return err
		},
		routes.BatchTooLarge: func() error {
			_, err := r.routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{Selectors: slices.Repeat([]*pb.RouteSelector{selector("a", "b", "c")}, 10_001)})
			return err
		},
		routes.BadRequest: func() error {
			_, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{PageSize: -1})
			return err
		},
		routes.DiskFull: func() error {
			return failing(&routes.Error{Reason: routes.DiskFull, Problem: "no space left on device"})
		},
		routes.StoreFailed: func() error {
			return failing(&routes.Error{Reason: routes.StoreFailed, Problem: "fsync: input/output error"})
		},
		routes.NotProgrammed: func() error {
			r.fleet.set(func() {
				r.fleet.waits = func(context.Context, routes.Revision) fleet.Waited {
					return fleet.Waited{Late: []routes.NodeStatus{{Node: "k8s-worker", State: routes.Waiting, Cause: routes.AgentUnreachable, Detail: "connection refused"}}}
				}
			})
			resp, err := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: route("Port3", "10.79.0.0/16", hop, 1), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED})
			if err != nil || len(resp.Route.Warnings) == 0 {
				return fmt.Errorf("no warning: %v %w", resp, err)
			}
			// The call succeeds; clients make the error of the warning.
			return publicapi.Status(&routes.Error{Reason: routes.NotProgrammed, Problem: resp.Route.Warnings[0].Message})
		},
		routes.Unavailable: func() error {
			conn, err := grpc.NewClient("unix:///nonexistent/hcsroute.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
			must(t, err)
			defer conn.Close()
			_, err = pb.NewRouteServiceClient(conn).ListRoutes(ctx, &pb.ListRoutesRequest{})
			return err
		},
		routes.Unauthenticated: func() error { return asRemote(t, remoteCaller{}) },
		routes.PermissionDenied: func() error {
			return asRemote(t, remoteCaller{name: "ann", role: "reader"})
		},
	}
	fresh := regexp.MustCompile(`\b(key id|valid until|the service at) [-0-9a-fA-FTZ.:]+`) // in each run
	var b strings.Builder
	for _, info := range routes.Reasons() {
		cause, ok := causes[info.Reason]
		if !ok {
			t.Errorf("no cause for %s", info.Reason)
			continue
		}
		delete(causes, info.Reason)
		e := publicapi.FromStatus(cause())
		if e == nil || e.Reason != info.Reason {
			t.Errorf("%s: the API answers %v", info.Reason, e)
			continue
		}
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n", e.Reason, fresh.ReplaceAllString(e.Message(), "$1 ..."), e.Remedy())
	}
	if len(causes) > 0 {
		t.Errorf("causes without a Reason: %v", slices.Collect(maps.Keys(causes)))
	}
	golden(t, "reasons.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it again)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
