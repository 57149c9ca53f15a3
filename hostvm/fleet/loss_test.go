package fleet_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// behind is a rig whose store has lost what its agent holds.
func behind(t *testing.T) (*rig, *fakeAgent) {
	t.Helper()
	r, a := rolledBack(t, func(r *rig, path string, old []byte) {
		if err := os.WriteFile(path, old, 0o600); err != nil {
			r.Fatal(err)
		}
	})
	r.until("proved", func() bool { return strings.Contains(r.node(a.id).Problem, "has lost acknowledged changes") })
	return r, a
}

// TestALossEndsWithItsNode: a node that was adopted, or whose agent was
// installed again, holds nothing that the store lacks.
func TestALossEndsWithItsNode(t *testing.T) {
	for name, end := range map[string]func(r *rig, a *fakeAgent){
		"adopted": func(r *rig, a *fakeAgent) {
			if err := r.Adopt(t.Context(), a.id); err != nil {
				t.Fatal(err)
			}
		},
		"installed again": func(_ *rig, a *fakeAgent) {
			a.do(func() { a.held, a.proof, a.set = routes.Version{}, nil, map[routes.Key]routes.Route{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := behind(t)
			if l := r.store.Losses(); len(l) != 1 {
				t.Fatalf("losses %+v", l)
			}
			end(r, a)
			r.until("session", r.connected(a.id))
			poll(t, "the end of the loss", func() bool { return len(r.store.Losses()) == 0 })
			recs, _, err := r.store.Audit(t.Context(), store.AuditQuery{Limit: 1})
			if err != nil || recs[0].Action != "loss-ended" {
				t.Errorf("%+v %v", recs, err)
			}
		})
	}
}

// hanging lets no connection to one node come about, and counts the attempts.
type hanging struct {
	fleet.Dialer
	id       string
	attempts *atomic.Int32
}

func (d hanging) Dial(ctx context.Context, endpoint, id string) (net.Conn, error) {
	if id != d.id {
		return d.Dialer.Dial(ctx, endpoint, id)
	}
	d.attempts.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestLossesAreAskedSideBySide: a node that does not answer is named as not
// known, within the time of all, and the others' answers are there.
func TestLossesAreAskedSideBySide(t *testing.T) {
	r, a := behind(t)
	r.stop()
	v := r.store.Losses()[0].Version
	newer := v
	newer.Revision++
	for _, loss := range []store.Loss{ // the store keeps them in the order in which they became known
		{Node: "a-silent", Version: v}, {Node: a.id, Version: newer}, {Node: a.id, Version: v}, {Node: "z-silent", Version: v},
	} {
		if got, err := r.store.Judge(t.Context(), loss.Node, loss.Version, r.store.Authenticator(loss.Version)); got != store.Lost || err != nil {
			t.Fatal(got, err)
		}
	}
	snap := *r.inventory.Current()
	snap.Nodes = append([]hostvm.Node{nodeAt("a-silent", nowhere), nodeAt("z-silent", nowhere)}, snap.Nodes...)
	r.inventory.Set(&snap)
	var attempts atomic.Int32
	r.dialer = hanging{hanging{r.dialer, "a-silent", &attempts}, "z-silent", &attempts}
	timing := quick()
	timing.Held, timing.Answer = 5*time.Second, time.Hour
	r.run(timing)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	list, err := r.Losses(ctx)
	if err != nil || len(list) != 3 || list[1].Node != a.id || attempts.Load() < 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, d := range list {
		switch {
		case d.Node == a.id && (d.Problem != "" || len(d.OnlyInNode) != 1):
			t.Errorf("the node that answers: %+v", d)
		case d.Node != a.id && (!strings.Contains(d.Problem, "what it holds is not known") || len(d.OnlyInNode) != 0):
			t.Errorf("the node that does not: %+v", d)
		}
	}
}

// TestWhatANodeHoldsIsBounded: what it says of its set costs no more than the
// set that it has proved, and one that says more is named as a liar.
func TestWhatANodeHoldsIsBounded(t *testing.T) {
	ports := &pb.Ports{Ports: []*pb.Port{{Id: 7, Interface: "Port3"}}}
	for name, c := range map[string]struct {
		part    *pb.Snapshot
		endless bool
		says    string
		honest  bool // or clumsy: nobody is accused
	}{
		"more routes than it proved": {part: &pb.Snapshot{Ports: ports, Blocks: agentapi.AppendRoute(nil, 7, camera())}, endless: true, says: "sends more than the 1 routes"},
		"parts without routes":       {part: &pb.Snapshot{}, endless: true, says: "parts without a route"},
		"blocks without routes":      {part: &pb.Snapshot{Blocks: make([]*pb.RouteBlock, 100_000)}, says: "more than 4096 ports or blocks"},
		"ports without routes":       {part: &pb.Snapshot{Ports: &pb.Ports{Ports: make([]*pb.Port, 100_000)}}, says: "more than 4096 ports or blocks"},
		"a long name":                {part: &pb.Snapshot{Ports: &pb.Ports{Ports: []*pb.Port{{Id: 7, Interface: strings.Repeat("x", 1<<19)}}}}, says: "names a port in 5"},
		"a long part":                {part: &pb.Snapshot{Blocks: []*pb.RouteBlock{{Destinations: make([]byte, 2<<20)}}}, says: "larger than max", honest: true},
		"a broken block":             {part: &pb.Snapshot{Ports: &pb.Ports{Ports: []*pb.Port{{Id: 7, Interface: "\x1b[2J"}}}, Blocks: []*pb.RouteBlock{{Port: 7, Lengths: []byte{8}}}}, says: "a block of 1 routes on [2J has", honest: true},
		"another set":                {part: &pb.Snapshot{Last: true, Ports: ports, Blocks: agentapi.AppendRoute(nil, 7, mustRoute("10.99.0.0/16", "192.168.20.1", 1))}, says: "does not hold any more", honest: true},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := behind(t)
			for i := range c.part.Blocks {
				if c.part.Blocks[i] == nil {
					c.part.Blocks[i] = &pb.RouteBlock{}
				}
			}
			for i := range c.part.GetPorts().GetPorts() {
				if c.part.Ports.Ports[i] == nil {
					c.part.Ports.Ports[i] = &pb.Port{}
				}
			}
			c.part.Version = wireVersion(r.store.Losses()[0].Version)
			a.sendHeld = func(stream grpc.ServerStreamingServer[pb.HeldResponse]) error {
				err := stream.Send(&pb.HeldResponse{Part: c.part})
				for err == nil && c.endless {
					err = stream.Send(&pb.HeldResponse{Part: c.part})
				}
				return err
			}
			list, err := r.Losses(t.Context())
			if err != nil || len(list) != 1 || !strings.Contains(list[0].Problem, c.says) || len(list[0].Problem) > 1000 || len(list[0].OnlyInNode) != 0 {
				t.Errorf("%.1000v %v", list, err)
			}
			if accused := strings.Contains(r.node(a.id).Problem, "faulty or compromised"); accused == c.honest {
				t.Errorf("accused: %v, %q", accused, r.node(a.id).Problem)
			}
		})
	}
}

// holds makes Held send routes as the set of a version.
func (a *fakeAgent) holds(v routes.Version, list ...routes.Route) {
	part := &pb.Snapshot{First: true, Last: true, Version: wireVersion(v), Ports: &pb.Ports{Ports: []*pb.Port{{Id: 7, Interface: "Port3"}}}}
	for _, r := range list {
		part.Blocks = agentapi.AppendRoute(part.Blocks, 7, r)
	}
	a.sendHeld = func(stream grpc.ServerStreamingServer[pb.HeldResponse]) error {
		return stream.Send(&pb.HeldResponse{Part: part})
	}
}

// TestANodeWithAnotherSetIsNoLiar: between the list of the losses and a node's
// answer it may take the store's set, which may be larger than what it proved.
func TestANodeWithAnotherSetIsNoLiar(t *testing.T) {
	r, a := behind(t)
	other := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.add(camera(), other)
	a.holds(r.store.Info().Version, camera(), other)
	list, err := r.Losses(t.Context())
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Problem, "does not hold any more") || len(list[0].OnlyInNode) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	if problem := r.node(a.id).Problem; strings.Contains(problem, "faulty or compromised") {
		t.Errorf("accused: %q", problem)
	}
}

// keeping is a store whose losses stay: of a node that follows the store, as one
// that a test accuses does, the prover would drop them.
type keeping struct{ store.Store }

func (keeping) EndLoss(context.Context, store.Loss) error { return nil }

// TestAnAccusationEndsTheSessionThatIsLive: what it reported is dropped, and a
// report of changes alone does not stand for what it had reported before.
func TestAnAccusationEndsTheSessionThatIsLive(t *testing.T) {
	r, a := start(t, quick())
	r.stop()
	r.wrap = func(st store.Store) store.Store { return keeping{st} }
	r.run(quick())
	r.until("session", r.connected(a.id))
	stays := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.wait(r.add(camera(), stays))
	a.do(func() {
		for _, k := range []routes.Key{camera().Key(), stays.Key()} {
			a.exceptions[k] = exception(k, routes.Failed, routes.KernelRejected)
		}
	})
	r.remove(stays)
	r.until("the failures", func() bool { return r.status(camera()).State == routes.Failed })
	sessions := 0
	a.do(func() { sessions = len(a.hellos) })
	v := r.store.Info().Version
	v.Revision++
	if got, err := r.store.Judge(t.Context(), a.id, v, r.store.Authenticator(v)); got != store.Lost || err != nil {
		t.Fatal(got, err)
	}
	a.holds(v, camera(), stays)
	if list, err := r.Losses(t.Context()); err != nil || len(list) != 1 || !strings.Contains(list[0].Problem, "sends more than the 1 routes") {
		t.Fatalf("%+v %v", list, err)
	}
	a.say(&pb.Report{})
	poll(t, "a report", func() bool { return !r.node(a.id).LastReport.IsZero() })
	if st := r.status(camera()); st.State == routes.Programmed {
		t.Errorf("%+v", st)
	}
	r.until("a session that reports everything", func() bool { return r.connected(a.id)() && r.status(camera()).State == routes.Failed })
	if n := r.node(a.id); !strings.Contains(n.Problem, "faulty or compromised") || r.store.Info().Removing != 1 {
		t.Errorf("%d removals wait; %+v", r.store.Info().Removing, n)
	}
	a.do(func() {
		if len(a.hellos) == sessions {
			t.Error("the session went on")
		}
	})
}
