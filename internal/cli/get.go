package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// filterFlags select routes for get, export and watch.
type filterFlags struct {
	interfaces, nextHops, metrics, states []string
	ipv4, ipv6                            bool
}

func (f *filterFlags) add(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVarP(&f.interfaces, "interface", "i", nil, "routes on these ports only; * and ? are wildcards")
	flags.StringSliceVar(&f.nextHops, "next-hop", nil, "routes with these next hops only")
	flags.StringSliceVar(&f.metrics, "metric", nil, "routes with these metrics only")
	flags.StringSliceVar(&f.states, "state", nil, "routes in these states only: PROGRAMMED, WAITING, REMOVING, FAILED, or a code such as STANDBY or LINK_DOWN")
	flags.BoolVar(&f.ipv4, "ipv4", false, "IPv4 routes only")
	flags.BoolVar(&f.ipv6, "ipv6", false, "IPv6 routes only")
	cmd.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	_ = cmd.RegisterFlagCompletionFunc("interface", a.completePorts)
	_ = cmd.RegisterFlagCompletionFunc("state", completeStatus)
}

func (f *filterFlags) proto(cmd *cobra.Command, destinations []string) (*pb.RouteFilter, error) {
	if err := f.check(cmd, destinations); err != nil {
		return nil, err
	}
	p := &pb.RouteFilter{Interfaces: f.interfaces, Destinations: destinations, NextHops: f.nextHops}
	for _, m := range f.metrics {
		number, refusal := change.Decimal(m).Metric()
		if refusal != nil {
			return nil, refusal
		}
		if number != nil {
			p.Metrics = append(p.Metrics, *number)
		}
	}
	for _, word := range f.states {
		if refusal := view.AddStatus(p, word); refusal != nil {
			refusal.Field, refusal.Value = "state", fmt.Sprintf("%.200q", word)
			return nil, refusal
		}
	}
	switch {
	case f.ipv4:
		p.AddressFamily = pb.AddressFamily_ADDRESS_FAMILY_IPV4
	case f.ipv6:
		p.AddressFamily = pb.AddressFamily_ADDRESS_FAMILY_IPV6
	}
	return p, nil
}

// check refuses a filter that is given and empty, and a destination that is none
// but may be meant as another filter.
func (f *filterFlags) check(cmd *cobra.Command, destinations []string) error {
	for _, filter := range []struct {
		name   string
		values []string
	}{{"interface", f.interfaces}, {"next-hop", f.nextHops}, {"metric", f.metrics}, {"state", f.states}} {
		if cmd.Flags().Changed(filter.name) && (len(filter.values) == 0 || slices.Contains(filter.values, "")) {
			e := usage(filter.name, "", "it is empty, and an empty filter would take every route")
			e.Action = "Give it a value or leave it out; a variable may not be set"
			return e
		}
	}
	for i, word := range destinations {
		if word == "" || strings.ContainsAny(word, ".:/") {
			continue // the service says what is wrong with it
		}
		flag, which := "interface", "of a port"
		if view.AddStatus(&pb.RouteFilter{}, word) == nil {
			flag, which = "state", "in a state"
		}
		rest := slices.Delete(slices.Clone(destinations), i, i+1)
		return &routes.Error{
			Reason: routes.DestinationInvalid, Field: "destination", Value: fmt.Sprintf("%.200q", word), Problem: "not an IP address or prefix",
			Action: fmt.Sprintf("To see the routes %s, type %s", which, typed(cmd, append([]string{"--" + flag, word}, rest...)...)),
		}
	}
	return nil
}

func (a *app) getCommand() *cobra.Command {
	var f filterFlags
	cmd := &cobra.Command{
		Use:     "get [DESTINATION]...",
		Aliases: []string{"list"},
		Short:   "Show the custom routes and their state in the nodes",
		Example: "  hcsroute get\n  hcsroute get 192.168.21.0/24 -o wide\n  hcsroute get --interface Port3 --state FAILED,WAITING",
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.proto(cmd, args)
			if err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				l, err := listRoutes(ctx, c, filter, false)
				switch {
				case err != nil:
					return err
				case len(l.routes) == 0 && len(args) > 0:
					return &routes.Error{Reason: routes.NotFound, Field: "destination", Value: args[0], Problem: "no custom route fits", Action: "List the routes with hcsroute get"}
				case a.structured():
					return a.object(routesObject{Routes: l.routes, Revision: l.revision, Changed: l.changed})
				}
				if l.changed {
					fmt.Fprintln(a.Err, "routes changed while they were read: some are shown as they were, some as they are")
				}
				if len(l.routes) == 0 {
					fmt.Fprintln(a.Err, "no routes")
					return nil
				}
				return a.showRoutes(l.routes, false)
			})
		},
	}
	cmd.ValidArgsFunction = a.completeDestinations
	f.add(a, cmd)
	a.outputs(cmd, routeFormats()...)
	return cmd
}

// routesObject is the object of get.
type routesObject struct {
	Routes   []view.Route `json:"routes"`
	Revision uint64       `json:"revision"`
	Changed  bool         `json:"changed,omitempty"` // while they were read, each time
}
