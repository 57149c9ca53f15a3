package agent

import (
	"fmt"
	"testing"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/agent/table"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

// Ports are answered when the kernel and the disk have them, whichever message
// brought them, and by nothing that was true before.
func TestPortsAreAnsweredWhenCarriedOut(t *testing.T) {
	for way, bring := range map[string]func(*Agent, *session, *agenttest.Host) error{
		"ports": func(a *Agent, s *session, h *agenttest.Host) error {
			return a.take(s.read(&pb.SessionRequest{Message: &pb.SessionRequest_Ports{Ports: h.Ports}}))
		},
		"delta": func(a *Agent, s *session, h *agenttest.Host) error {
			d := h.Change(nil)
			d.Ports = h.Ports
			return a.take(deltaOf(s, d))
		},
		"whole set": func(a *Agent, s *session, h *agenttest.Host) error {
			h.Change(nil)
			whole := h.Snapshot()[0]
			if err := a.take(partOf(s, &pb.Snapshot{First: true, Ports: whole.Ports})); err != nil {
				return err
			}
			answers(t, a, s, 0)
			return a.take(partOf(s, &pb.Snapshot{Last: true, Version: whole.Version}))
		},
		"the same set": func(a *Agent, s *session, h *agenttest.Host) error {
			return a.take(partOf(s, h.Snapshot()[0]))
		},
	} {
		for _, mac := range []string{"02:00:00:00:00:01", "02:00:00:00:00:02"} {
			t.Run(fmt.Sprintf("%s %s", way, mac), func(t *testing.T) {
				h := agenttest.NewHost("store-1", "Port3", "02:00:00:00:00:01")
				h.Ports.Sequence = 1
				a, s := programmed(t, h)
				h.Ports = &pb.Ports{Sequence: 2, Ports: []*pb.Port{{Id: 1, Interface: "Port3", Mac: mac}}}
				before := a.generation
				if err := bring(a, s, h); err != nil || s.awaiting {
					t.Fatal(err, s.awaiting)
				}
				if a.generation != before {
					answers(t, a, s, 0)
					a.takeReport(table.Report{Generation: before})
					answers(t, a, s, 0)
					saved := a.saved
					a.saved = before // as if the disk were slow
					a.takeReport(table.Report{Generation: a.generation})
					answers(t, a, s, 0)
					a.saved = saved
					a.save()
				}
				answers(t, a, s, 2)
			})
		}
	}
}

// programmed is an agent that has carried out the host's set, without its loops.
func programmed(t *testing.T, h *agenttest.Host) (*Agent, *session) {
	t.Helper()
	a, err := New(Options{Node: "n", StateDir: t.TempDir(), Kernel: kernelfake.New(157)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.journal.Close() })
	ports := fromPorts(h.Ports, desired.Ports{})
	a.state = desired.State{Version: h.Version, Set: desired.NewSet(0), Ports: ports}
	a.whole = true
	a.program()
	s := newSession(h.Hello("n"))
	if hello := a.admit(s); hello.Refusal != "" {
		t.Fatal(hello.Refusal)
	}
	answers(t, a, s, 0)
	a.save()
	answers(t, a, s, 0)
	a.takeReport(table.Report{Generation: a.generation})
	answers(t, a, s, 1)
	return a, s
}

func answers(t *testing.T, a *Agent, s *session, want uint64) {
	t.Helper()
	if got := a.report(s).GetPortsSequence(); got != want {
		t.Fatalf("a report answers ports %d, want %d", got, want)
	}
}
