package agent

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Changes that wait for the log together each keep the ports that they came with.
func TestUnsavedChangesKeepTheirPorts(t *testing.T) {
	a, err := New(Options{Node: "n", StateDir: t.TempDir(), Kernel: kernelfake.New(157), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.journal.Close() }()
	h := agenttest.NewHost("store-1", "Port3", "02:00:00:00:00:01")
	a.state = desired.State{Version: h.Version, Set: desired.NewSet(0)}
	s := newSession(h.Hello("n"))
	a.usePorts(s, h.Ports)
	for i, mac := range []string{"02:00:00:00:00:02", "02:00:00:00:00:03"} {
		delta := h.Change([]routes.Route{testRoute(t, i+1)})
		delta.Ports = &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: "Port3", Mac: mac}}}
		if err := a.take(deltaOf(s, delta)); err != nil || s.awaiting {
			t.Fatalf("delta %d: %v, awaiting %v", i, err, s.awaiting)
		}
		for j, want := range []string{"02:00:00:00:00:02", "02:00:00:00:00:03"}[:i+1] {
			if got := a.unsaved[j].Ports.List[0].MAC; got != want {
				t.Errorf("after delta %d, change %d has the MAC %s, want %s", i, j, got, want)
			}
		}
	}
}

// The bound is on all parts together, and on what changes make of the set.
func TestSetIsBounded(t *testing.T) {
	h := agenttest.NewHost("store-1", "Port3", "02:00:00:00:00:01")
	h.Ports.Sequence = 1
	a, s := programmed(t, h)
	part := &pb.Snapshot{Blocks: agentapi.AppendRoute(nil, 1, testRoute(t, 1))}
	if err := a.take(partOf(s, &pb.Snapshot{First: true, Ports: h.Ports})); err != nil || s.parts.room != maxRoutes {
		t.Fatal(err, s.parts.room)
	}
	s.parts.room = 2
	for i, want := range []error{nil, nil, errTooMany} {
		if err := a.take(partOf(s, part)); !errors.Is(err, want) {
			t.Fatalf("part %d: %v, want %v", i, err, want)
		}
	}
	delta := h.Change([]routes.Route{testRoute(t, 1)})
	delta.Version.Count = maxRoutes + 1
	if err := a.take(deltaOf(s, delta)); !errors.Is(err, errTooMany) {
		t.Errorf("a delta: %v", err)
	}
	if code := status.Code(sessionError(errTooMany)); code != codes.ResourceExhausted {
		t.Errorf("the session ends with %s", code)
	}
}

func deltaOf(s *session, m *pb.Delta) inbound {
	return s.read(&pb.SessionRequest{Message: &pb.SessionRequest_Delta{Delta: m}})
}

func partOf(s *session, m *pb.Snapshot) inbound {
	return s.read(&pb.SessionRequest{Message: &pb.SessionRequest_Snapshot{Snapshot: m}})
}

func testRoute(t *testing.T, metric int) routes.Route {
	t.Helper()
	r, err := routes.New(routes.Fields{
		Interface: "Port3", Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: uint32(metric),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
