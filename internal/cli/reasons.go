package cli

import (
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/view"
)

// why is reasons in one line.
func why(r view.Route) string { return strings.Join(reasons(r), "; ") }

// reasons are what needs attention about a route: of each node that has it
// otherwise than plainly programmed, those in the route's own state first, then
// the warnings that no node has said already.
func reasons(r view.Route) []string {
	var first, others []string
	var said []string // codes
	for _, g := range grouped(r.Nodes) {
		switch said = append(said, g.Cause, g.Condition); {
		case g.Cause == "" && g.Condition == "":
		case g.State == r.State:
			g.State = "" // the row has it
			first = append(first, g.String())
		default:
			others = append(others, g.String())
		}
	}
	list := append(first, others...)
	if len(r.Nodes) == 0 {
		said = []string{r.Cause, r.Condition}
		if line := join(": ", join(" ", r.Cause, r.Condition), r.Detail); line != "" {
			list = []string{line}
		}
	}
	for _, w := range r.Warnings {
		if !slices.Contains(said, w.Code) {
			list = append(list, join(": ", w.Code, w.Message))
		}
	}
	return list
}
