package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

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
		Long:    "Asks the kernel of each node which route a packet to the address takes. OURS marks the routes of hcsroute.",
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
	columns := []column{{title: "NODE"}, {title: "OURS", colour: paint.green}, {title: "DESTINATION"}, {title: "NEXT-HOP"}, {title: "LINK"}, {title: "METRIC", right: true}, {title: "PROTOCOL"}}
	if a.output == "wide" {
		columns = append(columns, column{title: "SOURCE"})
	}
	t := a.newTable(columns...)
	var problems strings.Builder
	for _, p := range list {
		if p.Problem != "" {
			fmt.Fprintf(&problems, "%s: %s\n", p.Node, clean(p.Problem))
			continue
		}
		link := p.Link
		if p.Interface != "" {
			link = join("/", link, p.Interface)
		}
		metric, hop := fmt.Sprint(p.Metric), p.NextHop
		if hop == "" {
			hop = "on-link"
		}
		cells := []string{p.Node, word(p.Ours, "yes", ""), p.Destination, hop, link, metric, p.Protocol}
		if a.output == "wide" {
			cells = append(cells, p.Source)
		}
		t.add(cells...)
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	_, err := io.WriteString(a.Out, problems.String())
	return err
}
