// Package clitest is the service that the CLI's tests talk to: the real one,
// over a real socket, with a real store. Its device is made up: five ports and
// two nodes, of which one may be silent.
package clitest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm/fleet/fleettest"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// Options are the faults that a test wants.
type Options struct {
	// Silent names a node that never answers.
	Silent string
	// Refuse answers every write with this error.
	Refuse error
	// Hold keeps every write back until it is closed.
	Hold <-chan struct{}
	// Listed is called after each read of routes, before its answer leaves: what
	// it changes in the store, another caller has changed meanwhile.
	Listed func(store.Store)
	// BackedUp is called after each copy of the store, before its answer ends.
	BackedUp func()
	// Server changes how the service is made, such as its fleet.
	Server func(*server.Options)
}

// Service is a running service.
type Service struct {
	Address string
	Store   string // path of the store's file
	Stop    func() // stops the service and closes the store; once

	options Options
	faults  *faults
}

// Start starts the service until Stop, or the end of the test.
func Start(t testing.TB, o Options) *Service {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the service runs on Linux only")
	}
	// A socket's path is at most 108 bytes, which a test's own folder may exceed.
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Service{Address: "unix://" + filepath.Join(dir, "run", "s.sock"), Store: filepath.Join(dir, "hcsroute.db"), options: o}
	s.Restart(t)
	return s
}

// Restart starts the service again on the same store, after Stop.
func (s *Service) Restart(t testing.TB) {
	t.Helper()
	db, err := boltstore.Open(s.Store, boltstore.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := server.ListenUnix(t.Context(), server.LocalOptions{Path: s.Address[len("unix://"):]})
	if err != nil {
		t.Fatal(err)
	}
	listener.Identify = named(listener.Identify)
	s.faults = &faults{Store: db, options: s.options, stopping: make(chan struct{})}
	d := &fleettest.Device{Silent: s.options.Silent, Store: db, Now: clock}
	if err := d.Know(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // Stop ends it
	served := make(chan error, 1)
	made := server.Options{Store: s.faults, Fleet: d, Policy: policy(), Version: version.String()}
	if s.options.Server != nil {
		s.options.Server(&made)
	}
	service := server.New(made)
	go func() { served <- service.Serve(ctx, listener) }()
	stopped := false
	s.Stop = func() {
		if stopped {
			return
		}
		stopped = true
		close(s.faults.stopping)
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

// named gives the caller one name, whoever runs the tests; what the caller may
// do stays what the kernel's word on the peer comes to.
func named(identify func(net.Conn) (server.Identity, error)) func(net.Conn) (server.Identity, error) {
	return func(c net.Conn) (server.Identity, error) {
		id, err := identify(c)
		id.Actor, id.Origin = "uid:0(root)", "local pid 1 (hcsroute)"
		return id, err
	}
}

// Batches is how many items each write call had, those that were refused too.
func (s *Service) Batches() []int { return s.faults.seen() }

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
