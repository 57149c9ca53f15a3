package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// routes has a check for each cause that keeps routes from a kernel, and for what
// else is to be known of them.
func (d *diagnosis) routes(ctx context.Context) {
	resp, err := d.client.Maintenance.ListFindings(ctx, &pb.ListFindingsRequest{})
	if err != nil {
		d.fail("routes", d.client.Explain(err))
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
	c := check{Name: "routes " + f.Code, Status: "warn", Message: examples(f), Remedy: f.Remedy, Finding: &f}
	if f.Detail != "" {
		c.Message = f.Detail + " (" + c.Message + ")"
	}
	if f.Failure {
		c.Status, c.Reason = "fail", f.Reason
	}
	d.checks = append(d.checks, c)
}

// findingTitle is what a finding is about: "10 routes WAITING LINK_DOWN on k8s-worker".
func findingTitle(f view.Finding) string {
	title := join(" ", routeCount(f.Routes), f.State, f.Code)
	if len(f.Nodes) > 0 {
		title += " on " + strings.Join(f.Nodes, ", ")
	}
	return title
}

// examples names a finding's first routes, each port behind its last one, and the
// number of the others.
func examples(f view.Finding) string {
	var b strings.Builder
	for i, r := range f.Examples {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.Destination)
		if i == len(f.Examples)-1 || f.Examples[i+1].Interface != r.Interface {
			b.WriteString(" on " + r.Interface)
		}
	}
	if more := f.Routes - min(f.Routes, uint64(len(f.Examples))); more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
