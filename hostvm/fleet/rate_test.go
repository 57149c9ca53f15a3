package fleet_test

import (
	"strings"
	"testing"
	"time"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

// TestReportsWithoutCauseEndTheSession: an agent that reports on and on, though
// nothing is new, loses its session and is named.
func TestReportsWithoutCauseEndTheSession(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	for limit := time.Now().Add(patience); ; {
		for range 1000 {
			a.say(&pb.Report{})
		}
		if problem := r.node(a.id).Problem; strings.Contains(problem, "reports in a second without cause") && strings.Contains(problem, "faulty or compromised") {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("it goes on and on: %+v", r.node(a.id))
		}
	}
	r.until("a new session", r.connected(a.id))
}
