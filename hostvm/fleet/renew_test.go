package fleet_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// renewal is a rig with one node whose session can be ended for a new one.
type renewal struct {
	*rig
	agent     *fakeAgent
	stopAgent func()
	proofs    provingDialer
}

func renewing(t *testing.T, timing fleet.Timing) *renewal {
	t.Helper()
	a := newFakeAgent("k8s-master")
	a.nics = []*pb.Nic{{Mac: "02:00:00:00:20:11", Link: "eth1", Addressing: "static", Addresses: []string{"192.168.20.11/24"}}}
	// No session is too young to be renewed.
	timing.RetryMin, timing.RetryMax = time.Millisecond, time.Millisecond
	timing.Hello, timing.Explain, timing.Answer = time.Hour, patience, time.Hour
	r, proofs, stop := proving(t, a, timing)
	if w := r.wait(r.add(camera()), camera().Key()); !w.Reached {
		t.Fatalf("%+v", w)
	}
	return &renewal{r, a, stop, proofs}
}

// hold has the next session wait for its hello until the returned function is called.
func (r *renewal) hold(end func()) (release func()) {
	gate, before := make(chan struct{}), 0
	r.agent.do(func() { r.agent.gate, before = gate, len(r.agent.hellos) })
	end()
	poll(r.T, "the next session's begin", func() (begun bool) {
		r.agent.do(func() { begun = len(r.agent.hellos) > before && r.agent.open == 1 })
		return begun
	})
	return func() {
		r.agent.do(func() { r.agent.gate = nil })
		close(gate)
	}
}

// steady: all answers are those of a node that has its route.
func (r *renewal) steady(when string) {
	r.Helper()
	if st := r.status(camera()); st.State != routes.Programmed || st.Cause != "" {
		r.Errorf("%s: %+v", when, st)
	}
	if n := r.node(r.agent.id); !n.Connected || n.Problem != "" || n.Programmed != 1 || len(n.Links) != 1 {
		r.Errorf("%s: %+v", when, n)
	}
	if f := r.Facts("Port3"); len(f.NICs) != 1 || len(f.NICs[0].Addresses) != 1 || len(f.Tables) != 1 || len(f.Tables[0].Own) != 1 {
		r.Errorf("%s: facts %+v", when, f)
	}
	if w := r.glance(fleet.Awaited{Revision: r.store.Info().Version.Revision, Keys: []routes.Key{camera().Key()}}); !w.Reached {
		r.Errorf("%s: %+v", when, w)
	}
}

// TestARenewedSessionDisturbsNoAnswer, from the end of the old one to the first
// report of the new one; explain waits for the new one.
func TestARenewedSessionDisturbsNoAnswer(t *testing.T) {
	const aged = "its age"
	for name, end := range map[string]func(*renewal){
		aged:                           func(*renewal) {},
		"its proof has ended":          func(r *renewal) { r.proofs.end(r.T, "the CA is another one now") },
		"the agent asks for new proof": func(r *renewal) { r.agent.bye <- status.Error(codes.Unauthenticated, "expired") },
	} {
		t.Run(name, func(t *testing.T) {
			timing := quick()
			if name == aged {
				timing.SessionAge = time.Second
			}
			r := renewing(t, timing)
			_, _, pos, _ := r.StatusChanges(0)
			release := r.hold(func() { end(r) })
			r.steady("before the hello")
			paths := make(chan []fleet.Path, 1)
			go func() {
				list, _ := r.Explain(t.Context(), netip.MustParseAddr("10.20.1.1"), nil)
				paths <- list
			}()
			if name != aged { // such a session would give way to another one before it has reported
				r.agent.inject(faultSilent)
			}
			release()
			if list := <-paths; len(list) != 1 || list[0].Problem != "" || !list[0].Ours {
				t.Errorf("explain: %+v", list)
			}
			r.steady("after the hello")
			if name != aged {
				r.agent.say(&pb.Report{Full: true})
			}
			other := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
			if w := r.wait(r.add(other), other.Key()); !w.Reached {
				t.Errorf("a change afterwards: %+v", w)
			}
			r.until("what watchers are sent", func() bool {
				keys, all, _, _ := r.StatusChanges(pos)
				return all || len(keys) > 0
			})
			if keys, all, _, _ := r.StatusChanges(pos); all || len(keys) != 1 || keys[0] != other.Key() {
				t.Errorf("watchers got %v (all: %v)", keys, all)
			}
		})
	}
}

// TestALossIsNoRenewal: what was reported stands only while the one attempt that
// is made at once goes on, and only while it is fresh.
func TestALossIsNoRenewal(t *testing.T) {
	end := func(r *renewal) func() {
		return func() { r.proofs.end(r.T, "the certificate has expired") }
	}
	lost := func(r *renewal) func() bool {
		return func() bool {
			n := r.node(r.agent.id)
			return r.status(camera()).Cause == routes.AgentUnreachable && !n.Connected && n.Problem != "" && len(r.Facts("Port3").NICs[0].Addresses) == 0
		}
	}
	t.Run("the attempt fails", func(t *testing.T) {
		r := renewing(t, quick())
		r.hold(end(r))
		r.steady("before")
		r.stopAgent()
		r.until("the loss", lost(r))
	})
	t.Run("the agent has lost its set", func(t *testing.T) {
		r := renewing(t, quick())
		release := r.hold(end(r))
		r.agent.do(func() { r.agent.mute = true })
		r.agent.do(func() { r.agent.held, r.agent.set = routes.Version{}, map[routes.Key]routes.Route{} })
		release()
		r.until("what it has to do", func() bool { return r.status(camera()).Cause == routes.InProgress })
		poll(t, "the set", func() (taken bool) {
			r.agent.do(func() { taken = r.agent.held == r.store.Info().Version })
			return taken
		})
		r.agent.say(&pb.Report{Full: true})
		r.until("programmed", func() bool { return r.status(camera()).State == routes.Programmed })
	})
	t.Run("the attempt takes long", func(t *testing.T) {
		timing := quick()
		timing.ReportEvery = 500 * time.Millisecond
		r := renewing(t, timing)
		release := r.hold(end(r))
		r.until("stale", func() bool { return r.status(camera()).Cause == routes.Stale })
		r.agent.do(func() { r.agent.mute = true })
		release()
		r.until("the hello", func() bool {
			return strings.Contains(r.node(r.agent.id).Problem, "has not reported") && r.status(camera()).Cause == routes.Stale
		})
		r.until("programmed", func() bool { // on a busy machine a report is old before anybody has looked
			st := r.status(camera())
			if st.Cause == routes.Stale {
				r.agent.say(&pb.Report{Full: true})
			}
			return st.State == routes.Programmed
		})
	})
	t.Run("the age of the last report goes on", func(t *testing.T) {
		timing := quick()
		timing.ReportEvery = 3 * time.Second
		limit := 2 * timing.ReportEvery
		// A busy machine may be as late as a session without a past: it gets other tries.
		for try, late := 1, limit; late >= limit; try++ {
			t.Run(fmt.Sprint(try), func(t *testing.T) {
				r := renewing(t, timing)
				release := r.hold(end(r))
				time.Sleep(time.Until(r.node(r.agent.id).LastReport.Add(limit * 3 / 4)))
				r.agent.do(func() { r.agent.mute = true })
				begun := time.Now()
				release()
				r.until("stale", func() bool { return r.status(camera()).Cause == routes.Stale })
				if late = time.Since(begun); late >= limit && try == 3 {
					t.Errorf("stale %s after the new session, as if its begin were a report", late)
					late = 0
				}
			})
		}
	})
	t.Run("again and again", func(t *testing.T) {
		timing := quick()
		r := renewing(t, timing)
		r.stop()
		timing.RetryMin, timing.RetryMax = time.Hour, time.Hour
		r.run(timing)
		r.until("session", r.connected(r.agent.id))
		end(r)()
		r.until("the loss", lost(r))
	})
}
