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
		Long:    "Asks the kernel of each node which route a packet to the address takes. Routes of hcsroute are marked with *.",
		Example: "  hcsroute explain 192.168.21.15",
		Args:    cobra.ExactArgs(1),
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
	columns := []column{{title: "NODE"}, {title: "", colour: paint.green}, {title: "DESTINATION"}, {title: "NEXT-HOP"}, {title: "LINK"}, {title: "METRIC", right: true}, {title: "PROTOCOL"}}
	if a.output == "wide" {
		columns = append(columns, column{title: "SOURCE"})
	}
	t := a.newTable(append(columns, column{title: "WHY", shrink: true})...)
	for _, p := range list {
		link := p.Link
		if p.Interface != "" {
			link = join("/", link, p.Interface)
		}
		metric, hop := fmt.Sprint(p.Metric), p.NextHop
		switch {
		case p.Destination == "":
			metric = ""
		case hop == "":
			hop = "on-link"
		}
		cells := []string{p.Node, word(p.Ours, "*", ""), p.Destination, hop, link, metric, p.Protocol}
		if a.output == "wide" {
			cells = append(cells, p.Source)
		}
		t.add(append(cells, p.Problem)...)
	}
	return t.write(a.Out)
}
