package cli

import (
	"cmp"
	"context"
	"fmt"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (d *diagnosis) nodes(ctx context.Context) {
	resp, err := d.client.Inventory.ListNodes(ctx, &pb.ListNodesRequest{})
	if err != nil {
		d.fail("nodes", d.explain(err))
		return
	}
	d.list = resp
	if len(resp.GetNodes()) == 0 {
		d.warn("nodes", "List the Kubernetes VMs in the inventory file.", "no node is known, so every route waits")
	}
	for _, n := range resp.GetNodes() {
		d.node(n, resp.GetRevision())
	}
}

// node checks one node: its session, whether it is up to date, and drift.
func (d *diagnosis) node(n *pb.Node, revision uint64) {
	name := "node " + n.GetName()
	switch {
	case n.GetGone() && !n.GetConnected():
		d.warn(name, cmp.Or(n.GetRemedy(), "If it does not come back: 'hcsroute nodes forget "+n.GetName()+"'."), "%s", cmp.Or(n.GetProblem(), "the inventory does not list it any more"))
	case !n.GetConnected() && n.GetState() == "stopped" && n.GetProblem() != "":
		d.warn(name, cmp.Or(n.GetRemedy(), "It is stopped; look into it before it starts again."), "stopped; %s", n.GetProblem())
	case !n.GetConnected() && n.GetState() == "stopped":
		d.ok(name, "stopped, as the inventory says")
	case !n.GetConnected():
		d.fail(name, &routes.Error{
			Reason: routes.Unavailable, Problem: "no session: " + cmp.Or(n.GetProblem(), "its agent at "+n.GetEndpoint()+" has not been reached yet"),
			Action: cmp.Or(n.GetRemedy(), "See 'systemctl status hcsroute-agent' in the node, and whether its endpoint in the inventory file is right."),
		})
	default:
		d.connected(n, revision)
	}
	if n.GetRepairs() > repairsMany {
		d.warn("drift on "+n.GetName(), "Find what else changes routes in the node; 'journalctl -u hcsroute-agent' there names it.", "%d repairs since the agent started", n.GetRepairs())
	}
}

// connected checks a node that has a session. What keeps routes from being
// PROGRAMMED is found with the routes; here it is counted, so that no line says ok
// of such a node. Its kernel may hold some of them.
func (d *diagnosis) connected(n *pb.Node, revision uint64) {
	name := "node " + n.GetName()
	lacks := n.GetWaiting() + n.GetFailed()
	if problem := n.GetProblem(); problem != "" {
		d.warn(name, cmp.Or(n.GetRemedy(), "See 'journalctl -u hcsroute-agent' in the node."), "%s", problem)
	}
	switch {
	case lacks > 0:
		d.warn(name, "The causes are below, each with its routes; 'hcsroute get' lists them all.",
			"connected, %d of %s not PROGRAMMED: %s", lacks, routeCount(lacks+n.GetProgrammed()), lacking(n))
	case n.GetRevision() < revision:
		d.warn(name, "Run 'hcsroute wait'; if it stays behind, see 'journalctl -u hcsroute-agent' in the node.", "connected, but at revision %d of %d", n.GetRevision(), revision)
	case n.GetProblem() == "":
		d.ok(name, "connected, %s programmed", routeCount(n.GetProgrammed()))
	}
}

func lacking(n *pb.Node) string {
	switch {
	case n.GetFailed() == 0:
		return fmt.Sprintf("%d waiting", n.GetWaiting())
	case n.GetWaiting() == 0:
		return fmt.Sprintf("%d failed", n.GetFailed())
	}
	return fmt.Sprintf("%d waiting, %d failed", n.GetWaiting(), n.GetFailed())
}
