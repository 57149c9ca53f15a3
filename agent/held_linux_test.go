package agent_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestWhatTheStoreGaveIsShown: the agent keeps what the store gives with a
// version, by a set and by a delta, over a restart, and shows what it holds
// without a session.
func TestWhatTheStoreGaveIsShown(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.open(h)
	parts := h.Snapshot()
	parts[len(parts)-1].Version.Authenticator = []byte("of the set")
	for _, p := range parts {
		s.Send(t, p)
	}
	s.Carried(t, h)
	wantShown(t, r, h, "of the set")
	s = r.open(h)
	d := h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)})
	d.Version.Authenticator = []byte("of the delta")
	s.Send(t, d)
	s.Carried(t, h)
	// Other ports keep the version, and what belongs to it.
	s.Send(t, &pb.Ports{Ports: h.Ports.Ports, AllowOverrideOnLink: true, Sequence: 5})
	s.Until(t, "the ports", func() bool { return s.Last.GetPortsSequence() == 5 })
	wantShown(t, r, h, "of the delta")
	r.restart()
	wantShown(t, r, h, "of the delta")
	// A set that the node has already may come with another one.
	s = r.open(h)
	parts = h.Snapshot()
	parts[len(parts)-1].Version.Authenticator = []byte("again")
	full := s.Full
	for _, p := range parts {
		s.Send(t, p)
	}
	s.Until(t, "a full report", func() bool { return s.Full > full+1 })
	wantShown(t, r, h, "again")
	held := heldBy(t, r)
	want := slices.Collect(h.Set.All())
	if routes.DigestOf(held) != routes.DigestOf(want) || len(held) != 2 {
		t.Errorf("it says that it holds %v, want %v", held, want)
	}
}

func wantShown(t *testing.T, r *rig, h *agenttest.Host, want string) {
	t.Helper()
	s := r.open(h)
	defer s.Close()
	if got := string(s.Hello.Version.GetAuthenticator()); got != want {
		t.Fatalf("the hello shows %q, want %q", got, want)
	}
}

func heldBy(t *testing.T, r *rig) (list []routes.Route) {
	t.Helper()
	stream, err := r.client.Held(t.Context(), &pb.HeldRequest{})
	must(t, err)
	aliases := map[uint32]string{}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		for _, p := range m.Part.Ports.GetPorts() {
			aliases[p.Id] = p.Interface
		}
		for _, b := range m.Part.Blocks {
			list, err = agentapi.ReadBlock(list, b, aliases[b.Port])
			must(t, err)
		}
	}
}

func TestHeldOfNothing(t *testing.T) {
	if list := heldBy(t, newRig(t)); len(list) != 0 {
		t.Errorf("%v", list)
	}
}
