package clitest

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// Service is the real service with a real store, in front of the model's
// ports and nodes.
type Service struct {
	Address string
	Store   string // path of the store's file
	Stop    func() // stops the service and closes the store; once
}

// StartService starts the service until Stop, or the end of the test. silent
// names a node that never answers.
func StartService(t testing.TB, silent string) *Service {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Service{Address: "unix://" + filepath.Join(dir, "run", "s.sock"), Store: filepath.Join(dir, "hcsroute.db")}
	s.start(t, &device{Model: &Model{Silent: silent}})
	return s
}

// Restart starts the service again on the same store, after Stop.
func (s *Service) Restart(t testing.TB) {
	t.Helper()
	s.start(t, &device{Model: &Model{}})
}

func (s *Service) start(t testing.TB, d *device) {
	t.Helper()
	db, err := boltstore.Open(s.Store, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := server.ListenUnix(t.Context(), server.LocalOptions{Path: s.Address[len("unix://"):]})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- server.New(server.Options{Store: db, Fleet: d, Policy: d.policy(), Version: version.String()}).Serve(ctx, listener)
	}()
	stopped := false
	s.Stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	t.Cleanup(s.Stop)
}

// device is a fleet of the model's ports and nodes.
type device struct{ *Model }

func (d *device) Facts(alias string) routes.Facts { return d.facts(alias) }

func (d *device) Inventory() *hostvm.Snapshot { return &hostvm.Snapshot{Ports: d.ports()} }

func (d *device) Status(rec routes.Record) []routes.NodeStatus {
	list := d.nodes(rec)
	for i := range list {
		if rec.Removed {
			list[i].State = routes.Removing
		}
	}
	return list
}

func (d *device) Wait(ctx context.Context, _ hostvm.Awaited) hostvm.Waited {
	if d.Silent == "" {
		return hostvm.Waited{Reached: true}
	}
	<-ctx.Done()
	return hostvm.Waited{Late: []routes.NodeStatus{{Node: d.Silent, State: routes.Waiting, Cause: routes.AgentUnreachable}}}
}

func (d *device) StatusChanges(uint64) ([]routes.Key, bool, uint64, <-chan struct{}) {
	return nil, false, 1, make(chan struct{})
}

func (d *device) Nodes() []hostvm.NodeInfo {
	return []hostvm.NodeInfo{{Node: hostvm.Node{ID: "k8s-master", Name: "k8s-master", Role: "master"}, Connected: true, Known: true, LastReport: clock()}}
}

func (d *device) Explain(_ context.Context, a netip.Addr, _ []string) ([]hostvm.Path, error) {
	return []hostvm.Path{{Node: "k8s-master", Destination: netip.PrefixFrom(a, a.BitLen()).String(), Link: "eth1", Protocol: "hcsroute", Ours: true}}, nil
}

func (d *device) Adopt(context.Context, string) error { return nil }

func (d *device) Losses(context.Context) ([]hostvm.Difference, error) { return nil, nil }

func (d *device) Forgotten(string) {}
