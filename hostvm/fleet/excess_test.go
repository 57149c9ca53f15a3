package fleet

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestLapsesAreForgiven: a status of a removed route now and then, over the
// months of a session, is no excess, nor are as many as there are routes; many at
// once are.
func TestLapsesAreForgiven(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var l lapses
	for n := range 100_000 {
		if !l.add(now.Add(time.Duration(n)*time.Minute), 2, slackRoutes) {
			t.Fatalf("after %d minutes it is excess", n)
		}
	}
	var many lapses
	const stored = 100_000
	if !many.add(now, stored, stored+slackRoutes) || many.add(now, stored, stored+slackRoutes) {
		t.Error("as many as there are routes, and as many again")
	}
	var few lapses
	if !few.add(now, 15_000, slackRoutes) || few.add(now, 15_000, slackRoutes) {
		t.Error("15,000, and as many again")
	}
}

// TestAnAccusationFreesWhatWasTold: it costs no memory after the node has left.
func TestAnAccusationFreesWhatWasTold(t *testing.T) {
	n := newNode(&Manager{log: slog.New(slog.DiscardHandler)}, "liar")
	l := &n.guarded
	l.exceptions = map[routes.Key]*exception{{Interface: "Port3"}: {}}
	l.alarms, l.carried, l.lastReport = []alarm{{text: "alarm"}}, routes.Version{Revision: 7}, time.Now()
	n.accuse(excess("reports much"))
	if l.exceptions != nil || l.alarms != nil || l.carried != (routes.Version{}) || !l.lastReport.IsZero() || l.accused.what == "" {
		t.Errorf("after an accusation: %d statuses, alarms %v, version %v, report of %s, accused of %q", len(l.exceptions), l.alarms, l.carried, l.lastReport, l.accused.what)
	}
}

// TestAnAccusationIsLoggedOnce: the end of the session is not a second one, but
// what was reported until then is dropped as well.
func TestAnAccusationIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	n := newNode(&Manager{log: slog.New(slog.NewTextHandler(&out, nil))}, "liar")
	n.guarded.live = &session{cancel: func(error) {}}
	why := excess("reports much")
	n.accuse(why)
	n.guarded.alarms = []alarm{{text: "alarm"}}
	n.end(why)
	if lines := bytes.Count(out.Bytes(), []byte("\n")); lines != 1 || n.guarded.alarms != nil {
		t.Errorf("alarms %v, %d lines: %s", n.guarded.alarms, lines, out.String())
	}
}

// TestAnAccusationOutlivesTheSession: where the session ends by its age in the
// same moment, it is not one that was good, and its renewal brings nothing back.
func TestAnAccusationOutlivesTheSession(t *testing.T) {
	var out bytes.Buffer
	m := &Manager{log: slog.New(slog.NewTextHandler(&out, nil))}
	n := newNode(m, "liar")
	why := excess("reports much")
	for name, over := range map[string]bool{"accused, then over": false, "over, then accused": true} {
		s := &session{m: m, n: n, cancel: func(error) {}, old: time.NewTimer(time.Hour), guarded: exchange{reported: true, over: over}}
		l := &n.guarded
		l.live, l.reported = s, true
		n.accuse(why)
		if !over {
			l.reported, s.guarded.reported, l.alarms = true, true, []alarm{{text: "alarm"}} // a report that was being taken
			n.finish(s, errAged)
			if l.live != nil || l.alarms != nil || l.accused.what != why.Error() {
				t.Errorf("%s: live %v, alarms %v, accused of %q", name, l.live != nil, l.alarms, l.accused.what)
			}
			continue
		}
		out.Reset()
		n.begin(&session{m: m, n: n, old: time.NewTimer(time.Hour)}, &pb.AgentHello{})
		if !bytes.Contains(out.Bytes(), []byte("renewed=false")) {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

// TestASessionThatIsOverFollowsNothing: while it is renewed, what was reported in
// it stands, but the node may hold another set by now.
func TestASessionThatIsOverFollowsNothing(t *testing.T) {
	n := newNode(&Manager{}, "worker")
	n.guarded.live, n.guarded.reported = &session{}, true
	if !n.follows() {
		t.Error("a session with a report follows nothing")
	}
	n.guarded.live.guarded.over = true
	if n.follows() {
		t.Error("one that is over follows")
	}
}
