package fleet_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/hostvm"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// invented are statuses of routes that nobody has stored.
func invented(n int) []*pb.Exception {
	list := make([]*pb.Exception, n)
	for i := range list {
		dst := netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		list[i] = exception(mustRoute(dst.String(), "192.168.20.1", 1).Key(), routes.Failed, routes.KernelRejected)
	}
	return list
}

// say has the agent send a report of the set that it holds.
func (a *fakeAgent) say(r *pb.Report) {
	a.do(func() { r.Version, r.PortsSequence = wireVersion(a.held), a.answered })
	a.push <- r
}

// TestStatusesOfUnknownRoutesAreDropped, and counted; those of stored routes in
// the same report are believed.
func TestStatusesOfUnknownRoutesAreDropped(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	a.say(&pb.Report{Exceptions: append(invented(300), exception(camera().Key(), routes.Failed, routes.KernelRejected))})
	r.until("the stored route's status", func() bool { return r.status(camera()).State == routes.Failed })
	if n := r.node(a.id); n.Failed != 1 || !strings.Contains(n.Problem, "300 routes that are not stored") {
		t.Errorf("%+v", n)
	}
	if w := r.wait(r.store.Info().Version.Revision); len(w.Late) != 1 || strings.Contains(w.Late[0].Detail, " more)") {
		t.Errorf("a wait counts what is not stored: %+v", w)
	}
	// What was said of them is over with the session's exceptions.
	a.say(&pb.Report{Full: true})
	r.until("programmed", func() bool { return r.status(camera()).State == routes.Programmed })
}

// TestExcessEndsTheSession: the node is named, the others are served, and
// nothing that it reported stays.
func TestExcessEndsTheSession(t *testing.T) {
	key := camera().Key()
	long := exception(key, routes.Failed, routes.KernelRejected)
	long.Detail = strings.Repeat("x", 1<<20)
	nics := make([]*pb.Nic, 1000)
	for i := range nics {
		nics[i] = &pb.Nic{Mac: fmt.Sprint(i)}
	}
	for _, c := range []struct {
		name    string
		reports []*pb.Report
		says    string
	}{
		{"routes in one report", []*pb.Report{{Exceptions: invented(20_000)}}, "more than"},
		{"routes in many reports", []*pb.Report{{Exceptions: invented(15_000)}, {Exceptions: invented(15_000)}}, "not stored"},
		{"keys of no route", []*pb.Report{{Resolved: make([]*pb.RouteKey, 20_000)}}, "more than"},
		{"a long detail", []*pb.Report{{Exceptions: []*pb.Exception{long}}}, "bytes"},
		{"a long alarm", []*pb.Report{{Alarm: strings.Repeat("x", 1<<20)}}, "bytes"},
		{"alarms", []*pb.Report{{Alarms: slices.Repeat([]*pb.Alarm{{Kind: "UNSAVED", Text: "x"}}, 1000)}}, "alarms"},
		{"NICs", []*pb.Report{{NicsChanged: true, Nics: nics}}, "NICs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			liar, honest := newFakeAgent("liar"), newFakeAgent("honest")
			dir := t.TempDir()
			liarEnd, stopLiar := liar.listen(t, dir)
			honestEnd, stopHonest := honest.listen(t, dir)
			r := newRig(t, quick(), nodeAt("liar", liarEnd), nodeAt("honest", honestEnd))
			t.Cleanup(stopLiar)
			t.Cleanup(stopHonest)
			r.until("sessions", func() bool { return r.connected("liar")() && r.connected("honest")() })
			r.wait(r.add(camera()))
			for _, report := range c.reports {
				for i, k := range report.Resolved {
					if k == nil {
						report.Resolved[i] = &pb.RouteKey{}
					}
				}
				liar.say(report)
			}
			accused := func() bool {
				problem := r.node("liar").Problem
				return strings.Contains(problem, c.says) && strings.Contains(problem, "faulty or compromised")
			}
			r.until("the accusation", accused)
			r.until("a new session", func() bool { return r.connected("liar")() && accused() })
			if n := r.node("honest"); !n.Connected || n.Problem != "" || n.Programmed != 1 {
				t.Errorf("the honest node: %+v", n)
			}
			if n := r.node("liar"); n.Failed != 0 {
				t.Errorf("it is believed: %+v", n)
			}
			r.until("both have the route", func() bool { return r.status(camera()).State == routes.Programmed })
		})
	}
}

// TestNothingThatALiarToldStays, also where no other session comes about.
func TestNothingThatALiarToldStays(t *testing.T) {
	timing := quick()
	timing.RetryMin, timing.RetryMax, timing.RetryMaxAuto = time.Hour, time.Hour, time.Hour
	r, a := start(t, timing)
	r.until("session", r.connected(a.id))
	believed := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.wait(r.add(camera(), believed))
	a.say(&pb.Report{Exceptions: []*pb.Exception{exception(camera().Key(), routes.Failed, routes.KernelRejected)}, Alarm: "an alarm"})
	r.until("the status", func() bool { return r.status(camera()).State == routes.Failed })
	a.say(&pb.Report{Exceptions: invented(20_000)})
	r.until("the end", func() bool { return !r.node(a.id).Connected })
	if n := r.node(a.id); !strings.Contains(n.Problem, "faulty or compromised") || strings.Contains(n.Problem, "an alarm") || n.Failed+n.Programmed > 0 || n.Waiting != 2 || !n.LastReport.IsZero() || len(n.Links) > 0 {
		t.Errorf("%+v", n)
	}
	if st := r.status(believed); st.Cause != routes.AgentUnreachable || strings.Contains(st.Detail, "last seen") {
		t.Errorf("its word counts: %+v", st)
	}
}

// TestStatusesOfRemovedRoutesDoNotPileUp: a liar proves that routes are removed,
// and reports them afterwards, while another node has yet to prove it.
func TestStatusesOfRemovedRoutesDoNotPileUp(t *testing.T) {
	const batch, times = 9000, 3
	liar, other := newFakeAgent("liar"), newFakeAgent("other")
	dir := t.TempDir()
	liarEnd, stopLiar := liar.listen(t, dir)
	otherEnd, stopOther := other.listen(t, dir)
	nodes := []hostvm.Node{nodeAt("liar", liarEnd), nodeAt("other", otherEnd)}
	r := newRig(t, quick(), nodes...)
	t.Cleanup(stopLiar)
	t.Cleanup(stopOther)
	list := invented(batch * times)
	r.until("sessions", func() bool { return r.connected("liar")() && r.connected("other")() })
	for range 1000 {
		liar.inject(faultPartial) // it never says that this is all
	}
	accused := func() bool { return strings.Contains(r.node("liar").Problem, "reports more than") }
	for n := range times {
		r.until("sessions", func() bool { return r.connected("liar")() && r.connected("other")() })
		reported := list[n*batch:][:batch]
		var add, remove store.Request
		for _, x := range reported {
			addr, _ := netip.AddrFromSlice(x.Key.Destination)
			route := mustRoute(addr.String()+"/32", "192.168.20.1", 1)
			add.Items = append(add.Items, store.Item{Op: store.OpAdd, Route: route, Force: true})
			remove.Items = append(remove.Items, store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: "Port3", Destination: route.Destination()}})
		}
		r.wait(r.apply(add))
		nodes[1].State = hostvm.NodeStopped
		r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: nodes})
		r.until("the other is stopped", func() bool { return !r.node("other").Connected })
		rev := r.apply(remove)
		r.until("the liar's proof", func() bool { return r.node("liar").Revision >= rev })
		if err := r.store.Prove(t.Context(), "liar", rev, nil); err != nil { // as the manager does any moment
			t.Fatal(err)
		}
		if accused() {
			t.Fatalf("too early, with %d statuses: %s", n*batch, r.node("liar").Problem)
		}
		liar.say(&pb.Report{Exceptions: reported})
		r.until("what it reports of them", func() bool { return r.node("liar").Failed == uint64((n+1)*batch) || accused() })
		nodes[1].State = hostvm.NodeAuto
		r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: nodes})
		if !accused() {
			r.untilRemoving(0)
		}
	}
	r.until("the accusation", accused)
}

// TestAnAccusationStandsUntilAnOperatorEndsIt: neither good sessions nor none
// end it, it says when it was, and adoption ends it without a restart.
func TestAnAccusationStandsUntilAnOperatorEndsIt(t *testing.T) {
	a := newFakeAgent("liar")
	dir := t.TempDir()
	endpoint, stop := a.listen(t, dir)
	n := nodeAt(a.id, endpoint)
	r := newRig(t, quick(), n)
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	const lie = "reports more than"
	accused := func() bool {
		n := r.node(a.id)
		return strings.Count(n.Problem, lie) == 1 && strings.Contains(n.Remedy, "'hcsroute nodes adopt liar'")
	}
	begun := time.Now().Truncate(time.Second)
	a.say(&pb.Report{Exceptions: invented(20_000)})
	r.until("the accusation, and a good session after it", func() bool { return r.connected(a.id)() && accused() })
	said := r.node(a.id).Problem
	if at, err := time.Parse(time.RFC3339, strings.TrimSuffix(strings.Fields(said)[1], ",")); err != nil || at.Before(begun) || at.After(time.Now()) {
		t.Errorf("%q does not say when it was: %v", said, err)
	}
	set := func(state hostvm.NodeState) {
		n.State = state
		r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{n}})
	}
	stop()
	r.until("no session", func() bool { return strings.Contains(r.node(a.id).Problem, "no such file") && accused() })
	set(hostvm.NodeStopped)
	r.until("declared stopped", func() bool { return r.node(a.id).State == hostvm.NodeStopped && accused() })
	set(hostvm.NodeAuto)
	_, stop = a.listen(t, dir)
	t.Cleanup(stop)
	r.until("a session, and the accusation", func() bool { return r.connected(a.id)() && accused() })
	if err := r.Adopt(t.Context(), a.id); err != nil {
		t.Fatal(err)
	}
	if n := r.node(a.id); n.Problem != "" || !n.Connected {
		t.Errorf("after adoption: %+v", n)
	}
	a.say(&pb.Report{Exceptions: invented(20_000)})
	r.until("another accusation", accused)
}

// TestStatusesOfASetThatIsReplacedAreNoLie: a node reports at once what it holds.
// After a restore, or where it is adopted, that may be far more than is stored.
func TestStatusesOfASetThatIsReplacedAreNoLie(t *testing.T) {
	for name, foreign := range map[string]bool{"a restored backup": false, "an adopted node": true} {
		t.Run(name, func(t *testing.T) {
			r, a := start(t, quick())
			r.until("session", r.connected(a.id))
			many := invented(20_000)
			list := make([]routes.Route, len(many))
			for i, x := range many {
				addr, _ := netip.AddrFromSlice(x.Key.Destination)
				list[i] = mustRoute(addr.String()+"/32", "192.168.20.1", 1)
			}
			backup := r.backup()
			r.wait(r.add(list...))
			r.stop()
			path := r.store.Info().Path
			if err := r.store.Close(); err != nil {
				t.Fatal(err)
			}
			a.do(func() { a.first = many })
			if foreign {
				path += ".other"
			} else if _, err := boltstore.Restore(t.Context(), backup, path, store.Caller{Actor: "test"}); err != nil {
				t.Fatal(err)
			}
			r.open(path)
			r.run(quick())
			if foreign {
				if err := r.Adopt(t.Context(), a.id); err != nil {
					t.Fatal(err)
				}
			}
			r.until("the store's set", func() bool {
				n := r.node(a.id)
				return n.Connected && n.Revision == r.store.Info().Version.Revision && !n.LastReport.IsZero()
			})
			if n := r.node(a.id); n.Problem != "" || n.Failed != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// TestTextsOfNodesAreCutAndCleaned where they enter.
func TestTextsOfNodesAreCutAndCleaned(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	e := exception(camera().Key(), routes.Failed, routes.KernelRejected)
	e.Detail = "\x1b[2J\u202e" + strings.Repeat("x", 4000)
	a.say(&pb.Report{Exceptions: []*pb.Exception{e}, Alarm: "al\narm" + strings.Repeat("y", 4000)})
	r.until("the status", func() bool { return r.status(camera()).State == routes.Failed })
	st, n := r.status(camera()), r.node(a.id)
	for _, text := range []string{st.Detail, n.Problem} {
		if len(text) > 512 || len(text) < 500 || strings.ContainsAny(text, "\x1b\n\u202e") {
			t.Errorf("%d bytes: %.60q", len(text), text)
		}
	}
}

// TestEveryTextOfANodeIsAClaim: not those of reports alone.
func TestEveryTextOfANodeIsAClaim(t *testing.T) {
	a := newFakeAgent("k8s-master")
	a.babble = "\x1b[2J\u202e" + strings.Repeat("x", 4000)
	a.nics = []*pb.Nic{{Mac: "02:00:00:00:20:11", Link: a.babble}}
	endpoint, stop := a.listen(t, t.TempDir())
	r := newRig(t, quick(), nodeAt(a.id, endpoint))
	t.Cleanup(stop)
	check := func(what string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if len(text) > 700 || !strings.Contains(text, "xxx") || strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("%s: %d bytes: %.60q", what, len(text), text)
			}
		}
	}
	r.until("session", r.connected(a.id))
	n := r.node(a.id)
	check("hello", n.Agent, n.Kernel, n.Links[0].Name)
	paths, err := r.Explain(t.Context(), netip.MustParseAddr("10.20.1.1"), nil)
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	p := paths[0]
	check("explain", p.Destination, p.NextHop, p.Link, p.Source, p.Problem)
	for what, f := range map[string]fault{"refusal": faultRefuse, "another node": faultWrongID} {
		for range 1000 {
			a.inject(f)
		}
		a.bye <- status.Error(codes.Internal, a.babble)
		r.until("the end", func() bool { return !r.node(a.id).Connected })
		check("the end", r.node(a.id).Problem)
		r.until(what, func() bool {
			problem := r.node(a.id).Problem
			return strings.Contains(problem, "the agent refuses") || strings.Contains(problem, "somebody-else")
		})
		check(what, r.node(a.id).Problem)
		a.do(func() { a.faults[f] = 0 })
		r.until("session", r.connected(a.id))
	}
}
