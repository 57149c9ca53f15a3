package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// routes has a check for each cause that keeps routes from a kernel, and for what
// else is to be known of them.
func (d *diagnosis) routes(ctx context.Context) {
	resp, err := d.client.Maintenance.ListFindings(ctx, &pb.ListFindingsRequest{})
	if err != nil {
		d.fail("routes", d.explain(err))
		return
	}
	for _, p := range resp.GetFindings() {
		d.finding(view.FromFinding(p))
	}
	switch n := d.info.GetRoutes(); {
	case len(resp.GetFindings()) > 0:
	case n == 0:
		d.ok("routes", "none is stored")
	default:
		d.ok("routes", "nothing is wrong with the %d that are stored", n)
	}
}

func (d *diagnosis) finding(f view.Finding) {
	c := check{Name: "routes " + f.Code, Status: "warn", Message: findingText(f), Remedy: f.Remedy, Finding: &f}
	if f.Failure {
		c.Status, c.Reason = "fail", f.Reason
	}
	d.checks = append(d.checks, c)
}

// findingTitle is what a finding is about: "10 routes WAITING LINK_DOWN on k8s-worker".
func findingTitle(f view.Finding) string {
	title := join(" ", routeCount(f.Routes), f.State, f.Code)
	if len(f.Nodes) > 0 {
		title += " on " + routes.Few(f.Nodes)
	}
	return title
}

// findingText is a finding's detail with its first routes, and the number of the
// others. The detail is of the first route: where others are of another port, it
// stands beside those of its own.
func findingText(f view.Finding) string {
	detail := cmp.Or(f.Detail, meaning(f.Code))
	groups := examples(f)
	more := ""
	if n := f.Routes - min(f.Routes, uint64(len(f.Examples))); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	if len(groups) > 1 {
		groups[0] += " (" + detail + ")"
		return strings.Join(groups, ", ") + more
	}
	return detail + " (" + strings.Join(groups, ", ") + more + ")"
}

// examples names a finding's first routes, those of one port together.
func examples(f view.Finding) (groups []string) {
	for left := f.Examples; len(left) > 0; {
		port := left[0].Interface
		var destinations []string
		for len(left) > 0 && left[0].Interface == port {
			destinations, left = append(destinations, left[0].Destination), left[1:]
		}
		groups = append(groups, strings.Join(destinations, ", ")+" on "+port)
	}
	return groups
}

// meaning is what a code says where no detail does.
func meaning(code string) string {
	if w, known := routes.WarningCode(code).Info(); known {
		return strings.TrimSuffix(w.Meaning, ".")
	}
	c, _ := routes.InfoOfCause(code)
	return c.Meaning
}
