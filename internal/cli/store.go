package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/wire"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", Short: "Look at, and accept, what the store has lost",
		Long: `A node that holds a version which the store issued and does not have proves
that the store lost acknowledged changes (STORE_BEHIND): after a damaged disk, or
an older file put in its place. Nothing is changed in that node until you restore
a backup or accept the loss.`,
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
}

func (a *app) behindCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "behind", Short: "Show what the nodes hold and the store has lost", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := losses(ctx, c)
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
func losses(ctx context.Context, c *client.Client) ([]lossView, error) {
	list := []lossView{}
	stream, err := c.Maintenance.ListLosses(ctx, &pb.ListLossesRequest{})
	for err == nil {
		var p *pb.ListLossesResponse
		if p, err = stream.Recv(); err != nil {
			break
		}
		if n := len(list); n == 0 || list[n-1].Node != p.GetNode() {
			list = append(list, lossView{
				Node: p.GetNode(), Epoch: p.GetEpoch(), Revision: p.GetRevision(), Time: view.Time(p.GetTime()), Problem: p.GetProblem(),
				OnlyInNode: []view.Route{}, OnlyInStore: []view.Route{},
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
	t := a.newTable(column{title: "NODE"}, column{title: "ONLY-IN"}, column{title: "INTERFACE"}, column{title: "DESTINATION"}, column{title: "NEXT-HOP"}, column{title: "METRIC", right: true})
	for _, l := range list {
		for _, r := range l.OnlyInNode {
			t.add(l.Node, "node", r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric))
		}
		for _, r := range l.OnlyInStore {
			t.add(l.Node, "store", r.Interface, r.Destination, r.NextHop, fmt.Sprint(r.Metric))
		}
		if len(l.OnlyInNode)+len(l.OnlyInStore) == 0 || l.Problem != "" {
			t.add(l.Node, join(": ", "unknown", l.Problem), "", "", "", "")
		}
	}
	return t.write(a.Out)
}

func (a *app) acceptCommand() *cobra.Command {
	var yes, takeOver bool
	var who string
	cmd := &cobra.Command{
		Use: "accept", Short: "Accept what the store has lost, so that the nodes follow it again", Args: cobra.NoArgs,
		Long: `The nodes get the store's routes again, and lose what it lacks. With --take-over
the routes that only nodes hold are added to the store first; if one of them is
refused, nothing is accepted. What the store has and a node lacks, such as a route
whose removal was lost, stays, and is named in the answer with the command that
removes it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			question := "accept? The nodes lose what the store has lost; hcsroute store behind shows it."
			if takeOver {
				question = "take over what only nodes hold, and accept?"
			}
			if err := a.confirm(yes, question); err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				taken := takenOver{left: []leftRoute{}}
				if takeOver {
					var err error
					if taken, err = a.takeOver(ctx, c, who); err != nil {
						return err
					}
				}
				resp, err := c.Maintenance.AcceptLosses(ctx, &pb.AcceptLossesRequest{OnBehalfOf: who})
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"epoch": resp.GetEpoch(), "revision": resp.GetRevision(), "taken_over": taken.routes, "not_taken_over": taken.left})
				}
				if _, err = fmt.Fprintf(a.Out, "accepted: epoch %d, revision %d, %s taken over\n", resp.GetEpoch(), resp.GetRevision(), routeCount(uint64(taken.routes))); err != nil {
					return err
				}
				return taken.tell(a.Out)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "add the routes that only nodes hold to the store first")
	cmd.Flags().StringVar(&who, "on-behalf-of", "", "the person or system behind you, for the audit")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// takenOver is how many routes were added, and what stays as the store has it:
// nothing tells a route whose removal was lost from one that is new since.
type takenOver struct {
	routes int
	left   []leftRoute
}

// leftRoute is a route that only the store has.
type leftRoute struct {
	view.Route
	MissingIn string `json:"missing_in"` // node
}

func (t takenOver) tell(out io.Writer) error {
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

// takeOver adds what only nodes hold, each batch as a whole.
func (a *app) takeOver(ctx context.Context, c *client.Client, who string) (taken takenOver, err error) {
	taken.left = []leftRoute{}
	list, err := losses(ctx, c)
	if err != nil {
		return taken, err
	}
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
				return taken, wire.FromError(item.GetError())
			}
		}
		taken.routes, missing = taken.routes+len(resp.GetItems()), missing[n:]
	}
	return taken, nil
}
