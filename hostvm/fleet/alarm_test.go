package fleet_test

import (
	"testing"

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
