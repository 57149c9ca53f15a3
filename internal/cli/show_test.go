package cli

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	"github.com/hcsroute/hcsroute/routes"
)

// TestNodesThatDiffer: what only one node says is shown as that node's.
func TestNodesThatDiffer(t *testing.T) {
	node := func(name, condition, detail string) view.NodeStatus {
		return view.NodeStatus{Node: name, State: "PROGRAMMED", Condition: condition, Detail: detail}
	}
	waiting := func(name, detail string) view.NodeStatus {
		return view.NodeStatus{Node: name, State: "WAITING", Cause: "LINK_DOWN", Detail: detail}
	}
	shadowed := []view.Warning{{Code: "SHADOWED"}}
	for name, tc := range map[string]struct {
		route view.Route
		why   string
		where []string
	}{
		"all say the same": {
			route: view.Route{Condition: "SHADOWED", Detail: "x", Warnings: shadowed, Nodes: []view.NodeStatus{node("a", "SHADOWED", "x"), node("b", "SHADOWED", "x")}},
			why:   "SHADOWED on a, b: x",
			where: []string{"PROGRAMMED SHADOWED on a, b: x"},
		},
		"one stands by, one is shadowed": {
			route: view.Route{Condition: "SHADOWED", Detail: "theirs", Warnings: shadowed, Nodes: []view.NodeStatus{node("a", "STANDBY", "ours"), node("b", "SHADOWED", "theirs")}},
			why:   "STANDBY on a: ours; SHADOWED on b: theirs",
			where: []string{"PROGRAMMED STANDBY on a: ours", "PROGRAMMED SHADOWED on b: theirs"},
		},
		"by different routes": {
			route: view.Route{Condition: "SHARED", Detail: "x", Nodes: []view.NodeStatus{node("a", "SHARED", "x"), node("b", "SHARED", "y"), node("c", "", "")}},
			why:   "SHARED on a: x; SHARED on b: y",
			where: []string{"PROGRAMMED SHARED on a: x", "PROGRAMMED SHARED on b: y", "PROGRAMMED on c"},
		},
		"one is plain": {
			route: view.Route{Condition: "STANDBY", Detail: "ours", Nodes: []view.NodeStatus{node("a", "", ""), node("b", "STANDBY", "ours")}},
			why:   "STANDBY on b: ours",
			where: []string{"PROGRAMMED on a", "PROGRAMMED STANDBY on b: ours"},
		},
		"the worst first, then the others, then what no node says": {
			route: view.Route{
				State: "WAITING", Nodes: []view.NodeStatus{node("a", "SHADOWED", "theirs"), node("b", "", ""), waiting("c", "eth1 is down")},
				Warnings: []view.Warning{{Code: "SHADOWED", Message: "theirs wins"}, {Code: "INTERFACE_DOWN", Message: "Port4 has no link"}},
			},
			why:   "LINK_DOWN on c: eth1 is down; PROGRAMMED SHADOWED on a: theirs; INTERFACE_DOWN: Port4 has no link",
			where: []string{"PROGRAMMED SHADOWED on a: theirs", "PROGRAMMED on b", "WAITING LINK_DOWN on c: eth1 is down"},
		},
		"many nodes": {
			route: view.Route{Nodes: []view.NodeStatus{node("a", "SHARED", "x"), node("b", "SHARED", "x"), node("c", "SHARED", "x"), node("d", "SHARED", "x"), node("e", "SHARED", "x")}},
			why:   "SHARED on a, b, c and 2 more: x",
			where: []string{"PROGRAMMED SHARED on a, b, c and 2 more: x"},
		},
		"no node at all": {
			route: view.Route{State: "WAITING", Cause: "NO_NODE_NIC", Detail: "no node is known"},
			why:   "NO_NODE_NIC: no node is known",
			where: []string{"WAITING NO_NODE_NIC: no node is known"},
		},
	} {
		tc.route.State = cmp.Or(tc.route.State, "PROGRAMMED")
		if got := why(tc.route); got != tc.why {
			t.Errorf("%s: %q, want %q", name, got, tc.why)
		}
		if got := where(tc.route); !slices.Equal(got, tc.where) {
			t.Errorf("%s: %q, want %q", name, got, tc.where)
		}
	}
}

// TestReportAge: how old a node's word is can be read in JSON and in the wide
// table; of a node that never said anything there is no age.
func TestReportAge(t *testing.T) {
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: "10.20.0.0/16", NextHop: "192.168.20.1", Metric: 1})
	if err != nil {
		t.Fatal(err)
	}
	shown := view.FromRoute(publicapi.Record(routes.Record{Route: r}, []routes.NodeStatus{
		{Node: "reported", State: routes.Programmed, Reported: time.Now().Add(-2*time.Hour - 30*time.Minute)},
		{Node: "silent", State: routes.Waiting, Cause: routes.AgentUnreachable},
	}, false))
	data, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), `"report_age_seconds":90`); n != 1 || strings.Count(string(data), "report_age_seconds") != 1 {
		t.Errorf("%s", data)
	}
	if wide := nodeList(shown.Nodes); !strings.HasPrefix(wide, "reported=PROGRAMMED(90") || !strings.Contains(wide, "s) silent=WAITING(AGENT_UNREACHABLE)") {
		t.Errorf("%s", wide)
	}
}
