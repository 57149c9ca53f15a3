//go:build linux

package e2e

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

// staleAfter is the age, in seconds, at which a report is not believed any more:
// twice the time in which an agent must report.
const staleAfter = 20

// TestSlowStoppedAgent: what a stopped agent said is believed for 20 s, then its
// routes are WAITING STALE with the age of its report, until it reports again.
// Its connection stays open all the while.
func TestSlowStoppedAgent(t *testing.T) {
	slow(t)
	s := start(t, system.Options{})
	const destination = "192.168.21.0/24"
	cli(t, s, 0, "add", "Port3", destination, "192.168.20.1")
	statuses := func() map[string]nodeAge {
		t.Helper()
		var answer struct {
			Routes []struct{ Nodes []nodeAge }
		}
		out := cli(t, s, 0, "get", destination, "-o", "json").Stdout
		if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Routes) != 1 {
			t.Fatalf("%v\n%s", err, out)
		}
		byNode := map[string]nodeAge{}
		for _, n := range answer.Routes[0].Nodes {
			if n.Age == nil {
				t.Fatalf("%s has no age:\n%s", n.Node, out)
			}
			byNode[n.Node] = n
		}
		return byNode
	}
	resume := hang(t, s, "k8s-worker")
	polltest.Until(t, "the stopped agent's route is stale", func() bool {
		n := statuses()["k8s-worker"]
		if n.State == "PROGRAMMED" && *n.Age > staleAfter {
			t.Fatalf("a report %d s old is believed", *n.Age)
		}
		return n.State == "WAITING" && n.Cause == "STALE"
	})
	all := statuses()
	if n := all["k8s-worker"]; n.Cause == "STALE" && *n.Age < staleAfter {
		t.Errorf("stale after %d s", *n.Age)
	}
	if n := all["k8s-master"]; n.State != "PROGRAMMED" || *n.Age > staleAfter {
		t.Errorf("the other node is %s %s, %d s old", n.State, n.Cause, *n.Age)
	}
	if wide := cli(t, s, 0, "get", destination, "-o", "wide").Stdout; !regexp.MustCompile(`k8s-worker.*STALE.*\b[2-5]\ds`).MatchString(wide) {
		t.Errorf("get -o wide does not show it with its age:\n%s", wide)
	}
	if n := own(t, s, "k8s-worker"); n != 1 {
		t.Errorf("its kernel has %d of our routes, want the one", n)
	}
	resume()
	polltest.Until(t, "it reports again", func() bool {
		n := statuses()["k8s-worker"]
		return n.State == "PROGRAMMED" && *n.Age < staleAfter
	})
}

// nodeAge is a route's status on a node, and the age of the report that it comes from.
type nodeAge struct {
	Node, State, Cause string
	Age                *uint32 `json:"report_age_seconds"`
}
