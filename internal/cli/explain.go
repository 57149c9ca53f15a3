package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) explainCommand() *cobra.Command {
	var nodes []string
	cmd := &cobra.Command{
		Use:     "explain ADDRESS",
		Short:   "Show which route each node's kernel takes to an address",
		Long:    "Asks the kernel of each node which route a packet to the address takes. The protocol of hcsroute's own routes is hcsroute.",
		Example: "  hcsroute explain 192.168.21.15",
		Args:    oneAddress,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Routes.ExplainRoute(ctx, &pb.ExplainRouteRequest{Address: args[0], Nodes: nodes})
				if err != nil {
					return err
				}
				list := view.FromPaths(resp.GetPaths())
				if a.structured() {
					return a.object(map[string]any{"address": args[0], "paths": list})
				}
				return a.showPaths(list)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringSliceVar(&nodes, "node", nil, "ask these nodes only")
	_ = cmd.RegisterFlagCompletionFunc("node", a.completeNodes)
	a.outputs(cmd, "table", "wide", "json", "yaml")
	return cmd
}

func (a *app) showPaths(list []view.Path) error {
	columns := []column{
		{title: "NODE", width: 12}, {title: "DESTINATION", width: 18}, {title: "NEXT-HOP", width: 15}, {title: "LINK", width: 10}, {title: "METRIC", right: true},
		{title: "PROTOCOL", colour: ours},
	}
	if a.output == "wide" {
		columns = append(columns, column{title: "SOURCE"})
	}
	t := a.newTable("WHY", columns...)
	for _, p := range list {
		cells := []string{p.Node, p.Destination, p.NextHop, join("/", p.Link, p.Interface), fmt.Sprint(p.Metric), p.Protocol}
		switch {
		case p.Problem != "":
			cells = []string{p.Node, "", "", "", "", ""}
		case p.NextHop == "":
			cells[2] = "on-link"
		}
		if a.output == "wide" {
			cells = append(cells, p.Source)
		}
		t.add(cells, p.Problem)
	}
	return t.write(a.Out)
}

// ours paints the protocol of hcsroute's own routes.
func ours(p paint, protocol string, _ bool) string {
	if protocol == "hcsroute" {
		return p.green(protocol)
	}
	return protocol
}
