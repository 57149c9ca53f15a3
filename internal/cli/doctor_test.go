package cli

import (
	"strings"
	"testing"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// TestDoctorTellsOfTheArchive: records that cannot leave are a finding with a remedy.
func TestDoctorTellsOfTheArchive(t *testing.T) {
	d := &diagnosis{info: &pb.GetServiceInfoResponse{ArchiveProblem: "audit.jsonl: no space left on device"}}
	d.audit()
	if len(d.checks) != 1 || d.checks[0].Status != "warn" || !strings.Contains(d.checks[0].Message, "no space left") || !strings.Contains(d.checks[0].Remedy, "store.archive") {
		t.Errorf("%+v", d.checks)
	}
	d = &diagnosis{info: &pb.GetServiceInfoResponse{}}
	if d.audit(); len(d.checks) != 0 {
		t.Errorf("of an archive that works: %+v", d.checks)
	}
}

// TestDoctorTellsOfAStoppedLiar: that a node is stopped is no reason to be silent
// about what it did before.
func TestDoctorTellsOfAStoppedLiar(t *testing.T) {
	for problem, status := range map[string]string{"": "ok", "on 2026-01-02T03:04:05Z, the agent tells what cannot be": "warn"} {
		d := &diagnosis{}
		d.node(&pb.Node{Name: "k8s-worker", State: "stopped", Problem: problem}, 7)
		if len(d.checks) != 1 || d.checks[0].Status != status || !strings.Contains(d.checks[0].Message, problem) {
			t.Errorf("%q: %+v", problem, d.checks)
		}
	}
}
