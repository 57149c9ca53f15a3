package agent_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/agent/agenttest"
)

// TestReportsComeWithoutNews as often as the host asks for them, before the
// first set is carried out and after it.
func TestReportsComeWithoutNews(t *testing.T) {
	r, h := newRig(t), host()
	hello := h.Hello(node)
	hello.ReportEvery = durationpb.New(20 * time.Millisecond)
	s := agenttest.Open(t, r.client, hello)
	for range 3 {
		if report, err := s.Next(); err != nil || report.Version != nil || report.Full {
			t.Fatalf("before a set: %v %v", report, err)
		}
	}
	s.SendSet(t, h)
	s.Carried(t, h)
	for range 3 {
		report, err := s.Next()
		if err != nil || report.Version.GetRevision() != uint64(h.Version.Revision) || report.Full || len(report.Exceptions)+len(report.Resolved) > 0 {
			t.Fatalf("without news: %v %v", report, err)
		}
	}
}
