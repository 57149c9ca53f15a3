package cli

import (
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/view"
)

// TestNodesThatDiffer: what only one node says is shown as that node's.
func TestNodesThatDiffer(t *testing.T) {
	node := func(name, condition, detail string) view.NodeStatus {
		return view.NodeStatus{Node: name, State: "PROGRAMMED", Condition: condition, Detail: detail}
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
			why:   "SHADOWED; STANDBY: STANDBY on a: ours; SHADOWED on b: theirs",
			where: []string{"PROGRAMMED STANDBY on a: ours", "PROGRAMMED SHADOWED on b: theirs"},
		},
		"by different routes": {
			route: view.Route{Condition: "SHARED", Detail: "x", Nodes: []view.NodeStatus{node("a", "SHARED", "x"), node("b", "SHARED", "y"), node("c", "", "")}},
			why:   "SHARED: SHARED on a: x; SHARED on b: y",
			where: []string{"PROGRAMMED SHARED on a: x", "PROGRAMMED SHARED on b: y", "PROGRAMMED on c"},
		},
		"one is plain": {
			route: view.Route{Condition: "STANDBY", Detail: "ours", Nodes: []view.NodeStatus{node("a", "", ""), node("b", "STANDBY", "ours")}},
			why:   "STANDBY on b: ours",
			where: []string{"PROGRAMMED on a", "PROGRAMMED STANDBY on b: ours"},
		},
	} {
		tc.route.State = "PROGRAMMED"
		if got := why(tc.route); got != tc.why {
			t.Errorf("%s: %q, want %q", name, got, tc.why)
		}
		if got := where(tc.route); !slices.Equal(got, tc.where) {
			t.Errorf("%s: %q, want %q", name, got, tc.where)
		}
	}
}
