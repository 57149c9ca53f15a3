package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) nodesCommand() *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error { return a.listNodes(cmd.Context()) }
	cmd := &cobra.Command{Use: "nodes", Short: "Show and manage the Kubernetes VMs", Args: nodesOrCommand, RunE: list}
	a.outputs(cmd, routeFormats()...)
	sub := &cobra.Command{Use: "list", Short: "Show the nodes, their sessions and what they have carried out", Args: noneBut(askOne), RunE: list}
	a.outputs(sub, routeFormats()...)
	cmd.AddCommand(sub, a.nodeAction(nodeAction{
		use: "forget", short: "Forget a node that will not come back",
		long: "Removals no longer wait for the node's proof. A node that comes back is known again.",
		warn: "Removed routes may stay in its kernel if it comes back without its agent.",
		call: func(ctx context.Context, c *client.Client, node, who string) error {
			_, err := c.Inventory.ForgetNode(ctx, &pb.ForgetNodeRequest{Node: node, OnBehalfOf: who})
			return err
		},
	}), a.nodeAction(nodeAction{
		use: "adopt", short: "Take over a node that holds the routes of another store",
		long: "The routes of the other store are removed from the node; those of this service take their place.\nAdopting also ends the warning that the node reported what cannot be true.",
		warn: "The node loses the routes that another service gave it.",
		call: func(ctx context.Context, c *client.Client, node, who string) error {
			_, err := c.Inventory.AdoptNode(ctx, &pb.AdoptNodeRequest{Node: node, OnBehalfOf: who})
			return err
		},
	}))
	return cmd
}

type nodeAction struct {
	use, short, long, warn string
	call                   func(ctx context.Context, c *client.Client, node, who string) error
}

func (a *app) nodeAction(n nodeAction) *cobra.Command {
	var yes bool
	var who string
	cmd := &cobra.Command{
		Use: n.use + " NODE", Short: n.short, Long: n.long, Args: oneArgument, ValidArgsFunction: a.completeNodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirm(yes, fmt.Sprintf("%s %s? %s", n.use, args[0], n.warn)); err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := n.call(ctx, c, args[0], who); err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"node": args[0], "action": n.use})
				}
				_, err := fmt.Fprintf(a.Out, "%s %s: done\n", n.use, clean(args[0]))
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&who, "on-behalf-of", "", "the person or system behind you, for the audit")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

func (a *app) listNodes(ctx context.Context) error {
	return a.call(ctx, func(ctx context.Context, c *client.Client) error {
		resp, err := c.Inventory.ListNodes(ctx, &pb.ListNodesRequest{})
		if err != nil {
			return err
		}
		list := view.FromNodes(resp.GetNodes())
		if a.structured() {
			return a.object(map[string]any{"nodes": list, "revision": resp.GetRevision()})
		}
		return a.showNodes(list, resp.GetRevision())
	})
}

func (a *app) showNodes(list []view.Node, revision uint64) error {
	if a.output == "name" {
		for _, n := range list {
			if _, err := fmt.Fprintln(a.Out, clean(n.Name)); err != nil {
				return err
			}
		}
		return nil
	}
	columns := []column{
		{title: "NODE", width: 16}, {title: "ROLE", width: 6}, {title: "SESSION", colour: sessionColour}, {title: "PROGRAMMED", right: true}, {title: "WAITING", right: true},
		{title: "FAILED", right: true}, {title: "BEHIND", right: true},
	}
	if a.output == "wide" {
		columns = append(columns, column{title: "STATE"}, column{title: "ENDPOINT"}, column{title: "LAST-REPORT"}, column{title: "REPAIRS", right: true}, column{title: "AGENT"}, column{title: "KERNEL"})
	}
	t := a.newTable("WHY", columns...)
	for _, n := range list {
		behind := uint64(0)
		if revision > n.Revision {
			behind = revision - n.Revision
		}
		cells := []string{n.Name, n.Role, session(n), fmt.Sprint(n.Programmed), fmt.Sprint(n.Waiting), fmt.Sprint(n.Failed), fmt.Sprint(behind)}
		if a.output == "wide" {
			cells = append(cells, n.State, n.Endpoint, n.LastReport, fmt.Sprint(n.Repairs), n.AgentVersion, n.Kernel)
		}
		t.add(cells, n.Problem, n.Remedy)
	}
	return t.write(a.Out)
}

func session(n view.Node) string {
	switch {
	case n.Connected:
		return "connected"
	case n.State == "stopped":
		return "stopped"
	case n.Known:
		return "lost"
	}
	return "never"
}

func sessionColour(p paint, text string, _ bool) string {
	switch text {
	case "connected":
		return p.green(text)
	case "lost", "never":
		return p.red(text)
	}
	return p.dim(text)
}
