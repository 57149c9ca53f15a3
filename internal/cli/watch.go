package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) watchCommand() *cobra.Command {
	var f filterFlags
	var changesOnly bool
	cmd := &cobra.Command{
		Use:   "watch [DESTINATION]...",
		Short: "Show the routes, then every change of a route or its state",
		Long:  "Shows the routes as they are, then every change, until it is interrupted. With -o json each event is an object on a line of its own.",
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.proto(cmd, args)
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), &pb.WatchRoutesRequest{Filter: filter, ChangesOnly: changesOnly})
		},
		ValidArgsFunction: a.completeDestinations,
	}
	f.add(a, cmd)
	cmd.Flags().BoolVar(&changesOnly, "changes-only", false, "leave changes of state out")
	a.outputs(cmd, "table", "json")
	return cmd
}

func (a *app) watch(ctx context.Context, req *pb.WatchRoutesRequest) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stream, err := c.Routes.WatchRoutes(ctx, req)
	if err != nil {
		return c.Explain(err)
	}
	for {
		p, err := stream.Recv()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return c.Explain(err)
		}
		if err := a.event(view.FromEvent(p)); err != nil {
			return err
		}
	}
}

func (a *app) event(e view.Event) error {
	if a.output == "json" {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = a.Out.Write(append(line, '\n'))
		return err
	}
	switch {
	case e.Kind == "IN_SYNC":
		return nil
	case e.Kind == "RESET":
		_, err := fmt.Fprintln(a.Out, "RESET    events were lost; the routes follow")
		return err
	case e.Route == nil:
		return nil
	}
	r := *e.Route
	text := fmt.Sprintf("%-8s %s via %s on %s metric %d", e.Kind, r.Destination, r.NextHop, clean(r.Interface), r.Metric)
	if e.Previous != nil {
		text += fmt.Sprintf(" (was via %s metric %d)", e.Previous.NextHop, e.Previous.Metric)
	}
	_, err := fmt.Fprintln(a.Out, join("  ", text, stateColour(a.paint(a.Out), clean(join(" ", r.State, why(r))))))
	return err
}
