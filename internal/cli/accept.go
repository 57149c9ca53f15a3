package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) acceptCommand() *cobra.Command {
	var yes, takeOver bool
	var who string
	cmd := &cobra.Command{
		Use: "accept", Short: "Accept what the store has lost, so that the nodes follow it again", Args: noArgument,
		Long: `The nodes get the store's routes again, and lose what it lacks. With --take-over
the routes that only nodes hold are added to the store first; if one of them is
refused, nothing is accepted. What the store has and a node lacks, such as a route
whose removal was lost, stays, and is named in the answer with the command that
removes it.

Only the nodes that you are asked about are accepted for: where another one proves
a loss meanwhile, nothing is. A node that has not been heard of since the loss
follows the store as well once it comes, so start all nodes first.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []lossView
			err := a.call(cmd.Context(), func(ctx context.Context, c *client.Client) (err error) {
				list, err = losses(ctx, c, &pb.ListLossesRequest{WithoutRoutes: true})
				return err
			})
			if err != nil {
				return err
			}
			if err := a.confirm(yes, acceptQuestion(list, takeOver)); err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				taken := takenOver{left: []leftRoute{}}
				if takeOver {
					var err error
					if taken, err = takeOverAll(ctx, c, list, who); err != nil {
						return err
					}
				}
				resp, err := c.Maintenance.AcceptLosses(ctx, &pb.AcceptLossesRequest{OnBehalfOf: who, Seen: seenLosses(list)})
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"epoch": resp.GetEpoch(), "revision": resp.GetRevision(), "taken_over": taken.routes, "not_taken_over": taken.left})
				}
				if _, err = fmt.Fprintf(a.Out, "accepted: epoch %d, revision %d, %s taken over\n", resp.GetEpoch(), resp.GetRevision(), routeCount(uint64(taken.routes))); err != nil {
					return err
				}
				return taken.print(a.Out)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "add the routes that only nodes hold to the store first")
	cmd.Flags().StringVar(&who, "on-behalf-of", "", "the person or system behind you, for the audit")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// acceptQuestion names the nodes that are accepted for.
func acceptQuestion(list []lossView, takeOver bool) string {
	var names []string
	for _, l := range list {
		names = append(names, l.Node)
	}
	nodes := cmp.Or(strings.Join(names, ", "), "no node")
	if takeOver {
		return fmt.Sprintf("take over what only nodes hold (%s), and accept?", nodes)
	}
	return fmt.Sprintf("accept? What the store has lost, nodes lose too (%s); hcsroute store behind shows it.", nodes)
}

func seenLosses(list []lossView) (seen []*pb.SeenLoss) {
	for _, l := range list {
		seen = append(seen, &pb.SeenLoss{NodeId: l.id, Epoch: l.Epoch, Revision: l.Revision})
	}
	return seen
}

// takenOver is how many routes were added, and what stays as the store has it:
// a route whose removal was lost looks like one that is new since.
type takenOver struct {
	routes int
	left   []leftRoute
}

// leftRoute is a route that only the store has.
type leftRoute struct {
	view.Route
	MissingIn string `json:"missing_in"` // node
}

func (t takenOver) print(out io.Writer) error {
	if len(t.left) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(out, "not taken over: %s that the store has and a node lacked. Where the removal was lost, remove it again; what was added since stays:\n", routeCount(uint64(len(t.left)))); err != nil {
		return err
	}
	for _, r := range t.left {
		if _, err := fmt.Fprintf(out, "  hcsroute remove %q %s %s    # not in %s\n", r.Interface, r.Destination, r.NextHop, r.MissingIn); err != nil {
			return err
		}
	}
	return nil
}

// takeOverAll adds what only the nodes of the asked losses hold, each batch as a
// whole. A loss that has come since is not looked at, and keeps the rest from
// being accepted.
func takeOverAll(ctx context.Context, c *client.Client, asked []lossView, who string) (taken takenOver, err error) {
	taken.left = []leftRoute{}
	list, err := losses(ctx, c, &pb.ListLossesRequest{})
	if err != nil {
		return taken, err
	}
	list = slices.DeleteFunc(list, func(l lossView) bool {
		return !slices.ContainsFunc(asked, func(a lossView) bool { return a.id == l.id && a.Epoch == l.Epoch && a.Revision == l.Revision })
	})
	key := func(r view.Route) string { return r.Interface + " " + r.Destination + " " + r.NextHop }
	seen := map[string]bool{}
	var missing []*pb.Route
	for _, l := range list {
		if l.Problem != "" {
			return taken, &routes.Error{Reason: routes.Unavailable, Field: "node", Value: l.Node, Problem: l.Problem, Action: "Make the node reachable, or accept without --take-over"}
		}
		for _, r := range l.OnlyInNode {
			if !seen[key(r)] {
				seen[key(r)] = true
				missing = append(missing, &pb.Route{Interface: r.Interface, Destination: r.Destination, NextHop: r.NextHop, Metric: &r.Metric})
			}
		}
	}
	for _, l := range list {
		for _, r := range l.OnlyInStore {
			if !seen[key(r)] { // the same with another metric is taken over
				seen[key(r)] = true
				taken.left = append(taken.left, leftRoute{r, l.Node})
			}
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), change.MaxBatch)
		resp, err := c.Routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{
			Routes: missing[:n], Force: true, Mode: pb.BatchMode_BATCH_MODE_ATOMIC, OnBehalfOf: who,
			Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_STORED,
		})
		if err != nil {
			return taken, err
		}
		for _, item := range resp.GetItems() {
			if item.GetError() != nil {
				return taken, publicapi.FromError(item.GetError())
			}
		}
		taken.routes, missing = taken.routes+len(resp.GetItems()), missing[n:]
	}
	return taken, nil
}
