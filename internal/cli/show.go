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
	state, why, _ := strings.Cut(text, ":")
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
			t.add(r.Outcome, r.Destination, r.NextHop, fmt.Sprint(r.Metric), n.Node, join(": ", n.State, n.Cause, n.Condition, n.Detail))
		}
	}
	return t.write(a.Out)
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
	t := a.newTable(append(columns, column{title: "STATE", shrink: true, colour: stateColour})...)
	for _, r := range list {
		cells := []string{r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric)}
		if outcome {
			cells = append([]string{r.Outcome}, cells...)
		}
		if wide {
			cells = append(cells, nodeList(r.Nodes), fmt.Sprint(r.Revision), r.CreatedBy, r.ChangedTime)
		}
		t.add(append(cells, join(": ", r.State, why(r)))...)
	}
	return t.write(a.Out)
}

// why says in a few words what needs attention about a route.
func why(r view.Route) string {
	var parts []string
	if r.State != string(routes.Programmed) && r.Cause != "" {
		text := r.Cause
		for _, n := range r.Nodes {
			if n.Cause == r.Cause && n.State == r.State {
				text += " on " + n.Node
				break
			}
		}
		if r.Detail != "" {
			text += ": " + r.Detail
		}
		parts = append(parts, text)
	}
	if r.Condition != "" {
		text := r.Condition
		if r.Detail != "" {
			text += ": " + r.Detail
		}
		parts = append(parts, text)
	}
	for _, w := range r.Warnings {
		if w.Code != r.Condition && !slices.Contains(parts, w.Code) {
			parts = append(parts, w.Code)
		}
	}
	return strings.Join(parts, "; ")
}

func nodeList(nodes []view.NodeStatus) string {
	var parts []string
	for _, n := range nodes {
		text := n.Node + "=" + n.State
		switch {
		case n.Cause != "":
			text += "(" + n.Cause + ")"
		case n.Condition != "":
			text += "(" + n.Condition + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}
