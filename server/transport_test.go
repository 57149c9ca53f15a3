package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
)

func (r *rig) raw(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", r.path)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// closed waits until the other side has ended the connection.
func closed(t *testing.T, c net.Conn, within time.Duration) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(within)))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection still stands after %v", within)
	}
}

func TestGarbageHurtsNobodyElse(t *testing.T) {
	r := start(t, rigOptions{})
	noise := make([]byte, 64<<10)
	_, _ = rand.Read(noise)
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for name, data := range map[string]string{
		"noise":       string(noise),
		"HTTP/1":      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"huge frame":  preface + "\xff\xff\xff\x00\x00\x00\x00\x00\x01",
		"bad headers": preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x04\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff",
		"TLS":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		c := r.raw(t)
		_, _ = io.WriteString(c, data) // the service may have hung up already
		if u, ok := c.(*net.UnixConn); ok {
			_ = u.CloseWrite()
		}
		closed(t, c, time.Minute)
		if _, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{}); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// Connections that never become usable are cut off and free their slots.
func TestSlowConnectionsAreCutOff(t *testing.T) {
	r := start(t, rigOptions{Options: server.Options{Limits: server.Limits{Connections: 4, Handshake: 300 * time.Millisecond}}})
	for range 8 {
		c := r.raw(t)
		_, err := io.WriteString(c, "PRI * HT")
		must(t, err)
		t.Cleanup(func() { closed(t, c, time.Minute) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{}, grpc.WaitForReady(true))
	must(t, err)
}

func TestOversizedMessages(t *testing.T) {
	r := start(t, rigOptions{})
	big := strings.Repeat("x", 5<<20)
	_, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{OnBehalfOf: big})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("5 MiB: %.200v", err)
	}
	_, err = r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{OnBehalfOf: big[:3<<20]})
	if reason(err) != routes.BadRequest || len(err.Error()) > 500 {
		t.Errorf("3 MiB: %.200v", err)
	}
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 1))
}

func TestASecondInstanceIsRefused(t *testing.T) {
	r := start(t, rigOptions{})
	if _, err := server.ListenUnix(t.Context(), server.LocalOptions{Path: r.path}); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("second listener: %v", err)
	}
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 1))
	must(t, r.stop())
	if _, err := os.Lstat(r.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	// What is not a socket is never removed; a dead socket is.
	must(t, os.WriteFile(r.path, nil, 0o600))
	if _, err := server.ListenUnix(t.Context(), server.LocalOptions{Path: r.path}); err == nil {
		t.Error("a file was replaced")
	}
	must(t, os.Remove(r.path))
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.path})
	must(t, err)
	dead.SetUnlinkOnClose(false)
	must(t, dead.Close())
	l, err := server.ListenUnix(t.Context(), server.LocalOptions{Path: r.path})
	must(t, err)
	info, err := os.Lstat(r.path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v", info.Mode())
	}
	must(t, l.Close())
}

// sickStore says that it cannot write, panics, or holds a write up.
type sickStore struct {
	store.Store
	mu      sync.Mutex
	err     *routes.Error
	panics  bool
	entered chan struct{}
	release chan struct{}
}

func (s *sickStore) Info() store.Info {
	info := s.Store.Info()
	s.mu.Lock()
	defer s.mu.Unlock()
	info.Err = s.err
	return info
}

func (s *sickStore) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if s.panics {
		s.panics = false
		panic("injected")
	}
	if s.entered != nil {
		close(s.entered)
		<-s.release
	}
	return s.Store.Apply(ctx, req)
}

func TestAPanicEndsItsCallOnly(t *testing.T) {
	sick := &sickStore{panics: true}
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { sick.Store = s; return sick }})
	_, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 1)})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "injected") || sick.panics {
		t.Errorf("panic: %v", err)
	}
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 1))
}

func TestHealthTellsWhatTheStoreCan(t *testing.T) {
	sick := &sickStore{}
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { sick.Store = s; return sick }})
	watch := func(name string) grpc.ServerStreamingClient[healthpb.HealthCheckResponse] {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		stream, err := healthpb.NewHealthClient(r.conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: name})
		must(t, err)
		return stream
	}
	await := func(stream grpc.ServerStreamingClient[healthpb.HealthCheckResponse], want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for {
			msg, err := stream.Recv()
			must(t, err)
			if msg.Status == want {
				return
			}
		}
	}
	writes, all := watch(server.HealthWrites), watch("")
	await(writes, healthpb.HealthCheckResponse_SERVING)
	await(all, healthpb.HealthCheckResponse_SERVING)
	fail := func(e *routes.Error) {
		sick.mu.Lock()
		defer sick.mu.Unlock()
		sick.err = e
	}
	fail(&routes.Error{Reason: routes.DiskFull})
	await(writes, healthpb.HealthCheckResponse_NOT_SERVING)
	if resp, err := healthpb.NewHealthClient(r.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("with a full disk reads go on: %v %v", resp, err)
	}
	fail(nil)
	await(writes, healthpb.HealthCheckResponse_SERVING)
	fail(&routes.Error{Reason: routes.StoreFailed})
	await(writes, healthpb.HealthCheckResponse_NOT_SERVING)
	await(all, healthpb.HealthCheckResponse_NOT_SERVING)
}

func TestStopLetsAWriteFinish(t *testing.T) {
	sick := &sickStore{entered: make(chan struct{}), release: make(chan struct{})}
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { sick.Store = s; return sick }})
	answered := make(chan error, 1)
	go func() {
		_, err := r.routes.AddRoute(context.WithoutCancel(t.Context()), &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 1)})
		answered <- err
	}()
	<-sick.entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	// The listener is closed first: then the stop is under way.
	for {
		c, err := net.Dial("unix", r.path)
		if err != nil {
			break
		}
		c.Close()
	}
	close(sick.release)
	must(t, <-answered)
	must(t, <-stopped)
	if r.store.Info().Version.Count != 1 {
		t.Error("the write is lost")
	}
}

func TestAWaitEndsWhenTheServiceStops(t *testing.T) {
	r := start(t, rigOptions{})
	waiting := make(chan struct{})
	r.fleet.set(func() {
		r.fleet.waits = waitForever(waiting)
	})
	answered := make(chan *pb.AddRouteResponse, 1)
	go func() {
		resp, err := r.routes.AddRoute(context.WithoutCancel(t.Context()), &pb.AddRouteRequest{
			Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 1), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED,
		})
		if err != nil {
			t.Errorf("add: %v", publicapi.FromStatus(err))
		}
		answered <- resp
	}()
	<-waiting
	must(t, r.stop())
	if resp := <-answered; resp == nil || resp.Acknowledged || resp.Outcome != pb.Outcome_OUTCOME_CREATED {
		t.Errorf("answer %v", resp)
	}
}
