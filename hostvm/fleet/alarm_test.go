package fleet_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestAlarmsHaveRemediesByTheirKind: whatever their texts are. An alarm without a
// kind, as of an older agent, leads to the agent's log.
func TestAlarmsHaveRemediesByTheirKind(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	disk, taken := routes.AlarmDiskFull, routes.AlarmStateTaken
	for name, c := range map[string]struct {
		report          *pb.Report
		problem, remedy string
	}{
		"two kinds": {&pb.Report{Alarm: "x; y", Alarms: []*pb.Alarm{{Kind: string(disk), Text: "x"}, {Kind: string(taken), Text: "y"}}}, "x; y", disk.Remedy() + " " + taken.Remedy()},
		"no kind":   {&pb.Report{Alarm: "no space left"}, "no space left", "See 'journalctl -u hcsroute-agent' in the node."},
		"a newer":   {&pb.Report{Alarms: []*pb.Alarm{{Kind: "NEWER", Text: "z"}}}, "z", "See 'journalctl -u hcsroute-agent' in the node."},
		"no word":   {&pb.Report{Alarm: "w", Alarms: []*pb.Alarm{{Kind: "run: rm", Text: "v"}}}, "w", "See 'journalctl -u hcsroute-agent' in the node."},
	} {
		a.say(c.report)
		poll(t, name, func() bool { return r.node(a.id).Problem == c.problem })
		if n := r.node(a.id); n.Remedy != c.remedy {
			t.Errorf("%s: remedy %q, want %q", name, n.Remedy, c.remedy)
		}
	}
}

// TestWhatIsNotSavedSaysSo: a change that the agent cannot save is not in progress,
// also for a call that waits; what it saved before is programmed.
func TestWhatIsNotSavedSaysSo(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	var saved *pb.Version
	a.do(func() { a.mute, saved = true, wireVersion(a.held) })
	late := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	rev := r.add(late)
	a.push <- &pb.Report{Version: saved, Alarms: []*pb.Alarm{{Kind: string(routes.AlarmUnsaved), Text: "read-only"}}}
	r.until("the cause", func() bool { return r.status(late).Cause == routes.NotSaved })
	if st := r.status(late); st.State != routes.Waiting || st.Detail != "read-only" {
		t.Errorf("%+v", st)
	}
	if st := r.status(camera()); st.State != routes.Programmed {
		t.Errorf("what was saved before: %+v", st)
	}
	if w := r.glance(fleet.Awaited{Revision: rev, Keys: []routes.Key{late.Key()}}); w.Reached || len(w.Late) != 1 || w.Late[0].Cause != routes.NotSaved || w.Late[0].Detail != "read-only" {
		t.Errorf("a call that waits: %+v", w)
	}
	a.push <- &pb.Report{Version: saved}
	r.until("the end of the alarm", func() bool { return r.status(late).Cause == routes.InProgress })
}
