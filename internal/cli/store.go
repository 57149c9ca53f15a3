package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", Short: "Look at, and accept, what the store has lost",
		Long: `A node that holds a version which the store issued and does not have proves
that the store lost acknowledged changes (STORE_BEHIND): after a damaged disk, or
an older file put in its place. Nothing is changed in that node until you restore
a backup or accept the loss.`,
		Args: commandBelow, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.behindCommand(), a.acceptCommand())
	return cmd
}

// lossView is how a node that proved a loss differs from the store.
type lossView struct {
	Node        string       `json:"node"`
	Epoch       uint64       `json:"epoch"`
	Revision    uint64       `json:"revision"`
	Time        string       `json:"time,omitempty"`
	Problem     string       `json:"problem,omitempty"`
	OnlyInNode  []view.Route `json:"only_in_node"`
	OnlyInStore []view.Route `json:"only_in_store"`

	id string // of the node
}

func (a *app) behindCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "behind", Short: "Show what the nodes hold and the store has lost", Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := losses(ctx, c, &pb.ListLossesRequest{})
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"nodes": list})
				}
				return a.showLosses(list)
			})
		},
	}
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// losses reads the differences; the parts of one node follow each other.
func losses(ctx context.Context, c *client.Client, req *pb.ListLossesRequest) ([]lossView, error) {
	list := []lossView{}
	stream, err := c.Maintenance.ListLosses(ctx, req)
	for err == nil {
		var p *pb.ListLossesResponse
		if p, err = stream.Recv(); err != nil {
			break
		}
		if n := len(list); n == 0 || list[n-1].id != p.GetNodeId() {
			list = append(list, lossView{
				Node: p.GetNode(), Epoch: p.GetEpoch(), Revision: p.GetRevision(), Time: view.Time(p.GetTime()), Problem: p.GetProblem(),
				OnlyInNode: []view.Route{}, OnlyInStore: []view.Route{}, id: p.GetNodeId(),
			})
		}
		last := &list[len(list)-1]
		last.OnlyInNode = append(last.OnlyInNode, view.FromRoutes(p.GetOnlyInNode())...)
		last.OnlyInStore = append(last.OnlyInStore, view.FromRoutes(p.GetOnlyInStore())...)
	}
	if errors.Is(err, io.EOF) {
		return list, nil
	}
	return nil, err
}

func (a *app) showLosses(list []lossView) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.Out, "no node holds anything that the store has lost")
		return err
	}
	t := a.newTable("WHY", append([]column{{title: "NODE", width: 12}, {title: "ONLY-IN"}}, routeColumns()...)...)
	for _, l := range list {
		for _, r := range l.OnlyInNode {
			t.add(append([]string{l.Node, "node"}, routeCells(r)...))
		}
		for _, r := range l.OnlyInStore {
			t.add(append([]string{l.Node, "store"}, routeCells(r)...))
		}
		if len(l.OnlyInNode)+len(l.OnlyInStore) == 0 || l.Problem != "" {
			t.add([]string{l.Node, "unknown", "", "", "", ""}, l.Problem)
		}
	}
	return t.write(a.Out)
}
