package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

// routeFormats are the formats of commands that show routes.
func routeFormats() []string { return []string{"table", "wide", "json", "yaml", "name"} }

// newTable makes a table for standard output; wide tables are never cut.
func (a *app) newTable(columns ...column) *table {
	t := &table{columns: columns, paint: a.paint(a.Out)}
	if a.output != "wide" {
		t.limit = terminalWidth(a.Out)
	}
	return t
}

func stateColour(p paint, text string) string {
	state, why, _ := strings.Cut(text, " ")
	switch state {
	case string(routes.Programmed):
		if why != "" {
			return p.yellow(text)
		}
		return p.green(text)
	case string(routes.Failed):
		return p.red(text)
	case string(routes.Waiting):
		return p.yellow(text)
	}
	return p.dim(text)
}

// showEffects writes a row for each node: what a change would come to there.
func (a *app) showEffects(list []view.Route) error {
	t := a.newTable(
		column{title: "OUTCOME"}, column{title: "DESTINATION"}, column{title: "NEXT-HOP"}, column{title: "METRIC", right: true},
		column{title: "NODE"}, column{title: "STATE", shrink: true, colour: stateColour},
	)
	for _, r := range list {
		nodes := r.Nodes
		if len(nodes) == 0 {
			nodes = []view.NodeStatus{{State: r.State, Cause: r.Cause, Detail: r.Detail}}
		}
		for _, n := range nodes {
			t.add(r.Outcome, r.Destination, r.NextHop, fmt.Sprint(r.Metric), n.Node, effect(r.Outcome, n))
		}
	}
	return t.write(a.Out)
}

// effect is what a change would come to on a node.
func effect(outcome string, n view.NodeStatus) string {
	switch {
	case n.Cause != string(routes.InProgress):
		return join(": ", join(" ", n.State, n.Cause, n.Condition), n.Detail)
	case outcome == string(routes.Deleted):
		return "would be removed"
	}
	return "would be programmed"
}

// tellRoutes says in words what a change of a route or two did, and where it is.
func (a *app) tellRoutes(list []view.Route) error {
	p := a.paint(a.Out)
	for _, r := range list {
		verb := map[string]string{
			string(routes.Created): "added", string(routes.Updated): "changed", string(routes.Unchanged): "unchanged:", string(routes.Deleted): "removed",
		}[r.Outcome]
		if _, err := fmt.Fprintf(a.Out, "%s %s via %s on %s metric %d\n", verb, r.Destination, r.NextHop, clean(r.Interface), r.Metric); err != nil {
			return err
		}
		for _, line := range where(r) {
			if _, err := fmt.Fprintf(a.Out, "  %s\n", stateColour(p, clean(line))); err != nil {
				return err
			}
		}
	}
	return nil
}

// where says for each different status which nodes have it.
func where(r view.Route) []string {
	switch {
	case r.State == string(routes.Removed):
		return []string{"REMOVED from every node"}
	case len(r.Nodes) == 0:
		return []string{join(": ", join(" ", r.State, r.Cause), r.Detail)}
	}
	var lines []string
	for _, g := range grouped(r.Nodes) {
		lines = append(lines, g.String())
	}
	return lines
}

// group is nodes that say the same of a route.
type group struct {
	view.NodeStatus // of the first
	names           []string
}

func (g group) String() string {
	return join(": ", join(" ", g.State, g.Cause, g.Condition)+" on "+strings.Join(g.names, ", "), g.Detail)
}

func grouped(nodes []view.NodeStatus) (groups []group) {
	for _, n := range nodes {
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.State == n.State && g.Cause == n.Cause && g.Condition == n.Condition && g.Detail == n.Detail
		})
		if i < 0 {
			i, groups = len(groups), append(groups, group{NodeStatus: n})
		}
		groups[i].names = append(groups[i].names, n.Node)
	}
	return groups
}

// showRoutes writes routes as a table or as names. outcome adds the column
// that tells what a change did.
func (a *app) showRoutes(list []view.Route, outcome bool) error {
	if a.output == "name" {
		for _, r := range list {
			if _, err := fmt.Fprintf(a.Out, "%s %s %s\n", clean(r.Interface), r.Destination, r.NextHop); err != nil {
				return err
			}
		}
		return nil
	}
	wide := a.output == "wide"
	columns := []column{{title: "INTERFACE"}, {title: "DESTINATION"}, {title: "NEXT-HOP"}, {title: "METRIC", right: true}}
	if outcome {
		columns = append([]column{{title: "OUTCOME"}}, columns...)
	}
	if wide {
		columns = append(columns, column{title: "NODES"}, column{title: "REVISION", right: true}, column{title: "CREATED-BY"}, column{title: "CHANGED"})
	}
	state := column{title: "STATE", shrink: true, colour: stateColour}
	for _, r := range list {
		// The worst code stays whole; those after it are not worth the destination.
		worst := slices.Concat(codes(r), []string{""})[0]
		state.least = max(state.least, len(join(" ", r.State, worst)))
	}
	t := a.newTable(append(columns, state)...)
	for _, r := range list {
		cells := []string{r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric)}
		if outcome {
			cells = append([]string{r.Outcome}, cells...)
		}
		if wide {
			cells = append(cells, nodeList(r.Nodes), fmt.Sprint(r.Revision), r.CreatedBy, r.ChangedTime)
		}
		t.add(append(cells, join(" ", r.State, why(r)))...)
	}
	return t.write(a.Out)
}

// codes are what needs attention about a route, in the words of the
// documentation: the worst node's, then those of others in the same state.
func codes(r view.Route) []string {
	var list []string
	add := func(code string) {
		if code != "" && !slices.Contains(list, code) {
			list = append(list, code)
		}
	}
	if r.State != string(routes.Programmed) {
		add(r.Cause)
	}
	add(r.Condition)
	for _, n := range r.Nodes {
		if n.State == r.State {
			add(n.Cause)
			add(n.Condition)
		}
	}
	for _, w := range r.Warnings {
		add(w.Code)
	}
	return list
}

// why says what needs attention about a route: the codes, then where and the
// detail; where nodes differ, of each.
func why(r view.Route) string {
	list := codes(r)
	if len(list) == 0 {
		return ""
	}
	groups := slices.DeleteFunc(grouped(r.Nodes), func(g group) bool {
		return g.State != r.State || g.Cause == "" && g.Condition == ""
	})
	head := strings.Join(list, "; ")
	if len(groups) < 2 {
		node := ""
		if len(groups) > 0 {
			node = "on " + strings.Join(groups[0].names, ", ")
		}
		return join(": ", join(" ", head, node), r.Detail)
	}
	var each []string
	for _, g := range groups {
		g.State = "" // said already
		each = append(each, g.String())
	}
	return head + ": " + strings.Join(each, "; ")
}

func nodeList(nodes []view.NodeStatus) string {
	var parts []string
	for _, n := range nodes {
		text := n.Node + "=" + n.State
		var more []string
		for _, word := range []string{n.Cause, n.Condition} {
			if word != "" {
				more = append(more, word)
			}
		}
		if n.ReportAge != nil {
			more = append(more, fmt.Sprintf("%ds", *n.ReportAge))
		}
		if len(more) > 0 {
			text += "(" + strings.Join(more, ",") + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}
