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

// newTable makes a table for standard output, whose notes have a title.
func (a *app) newTable(title string, columns ...column) *table {
	t := &table{columns: columns, title: title, paint: a.paint(a.Out)}
	if a.output != "wide" {
		t.limit = pageWidth(a.Out)
	}
	return t
}

// routeColumns are those that name a route, as wide as IPv4 needs. With a state
// and an outcome they fill a page of 80 columns.
func routeColumns() []column {
	return []column{{title: "INTERFACE", width: 12}, {title: "DESTINATION", width: 18}, {title: "NEXT-HOP", width: 15}, {title: "METRIC", right: true}}
}

func routeCells(r view.Route) []string {
	return []string{r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric)}
}

// noteColour is stateColour for a table, where what is to be said of a
// programmed route is no part of its state.
func noteColour(p paint, state string, noted bool) string {
	if noted && state == string(routes.Programmed) {
		return p.yellow(state)
	}
	return stateColour(p, state)
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

// showEffects writes what a change would come to, on which nodes.
func (a *app) showEffects(list []view.Route) error {
	t := a.newTable("EFFECT", append([]column{{title: "OUTCOME"}}, routeColumns()...)...)
	for _, r := range list {
		t.add(append([]string{r.Outcome}, routeCells(r)...), effects(r)...)
	}
	return t.write(a.Out)
}

// effects are what a change would come to, each with its nodes.
func effects(r view.Route) []string {
	if len(r.Nodes) == 0 {
		return where(r)
	}
	would := "would be programmed on "
	if r.Outcome == string(routes.Deleted) {
		would = "would be removed on "
	}
	var list []string
	for _, g := range grouped(r.Nodes) {
		effect := g.String()
		if g.Cause == string(routes.InProgress) {
			effect = would + routes.Few(g.names)
		}
		list = append(list, effect)
	}
	return list
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
			if _, err := fmt.Fprintf(a.Out, "  %s\n", stateColour(p, hanging(clean(line), pageWidth(a.Out), 4))); err != nil {
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
	return join(": ", join(" ", g.State, g.Cause, g.Condition)+" on "+routes.Few(g.names), g.Detail)
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
// that says what a change did.
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
	columns := append(routeColumns(), column{title: "STATE", colour: noteColour})
	if outcome {
		columns = append([]column{{title: "OUTCOME"}}, columns...)
	} else {
		columns[1].width, columns[2].width = 22, 17 // there is room for the shorter ones of IPv6
	}
	if wide {
		columns = append(columns, column{title: "NODES"}, column{title: "REVISION", right: true}, column{title: "CREATED-BY"}, column{title: "CHANGED"})
	}
	t := a.newTable("WHY", columns...)
	for _, r := range list {
		cells := append(routeCells(r), r.State)
		if outcome {
			cells = append([]string{r.Outcome}, cells...)
		}
		if wide {
			cells = append(cells, nodeList(r.Nodes), fmt.Sprint(r.Revision), r.CreatedBy, r.ChangedTime)
		}
		t.add(cells, reasons(r)...)
	}
	return t.write(a.Out)
}

func nodeList(nodes []view.NodeStatus) string {
	var parts []string
	for _, n := range nodes {
		text, age := n.Node+"="+n.State, ""
		if n.ReportAge != nil {
			age = fmt.Sprintf("%ds", *n.ReportAge)
		}
		if more := join(",", n.Cause, n.Condition, age); more != "" {
			text += "(" + more + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}
