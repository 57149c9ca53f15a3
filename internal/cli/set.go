package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
)

func (a *app) setCommand() *cobra.Command {
	var w writeFlags
	var r routeFlags
	var metric string
	var newNextHop string
	var expected uint64
	cmd := &cobra.Command{
		Use:   "set INTERFACE DESTINATION [NEXT-HOP]",
		Short: "Change the metric or the next hop of a route",
		Long: `Changes one stored route, without a moment in which the nodes lack it. The next
hop is needed where several routes lead to the destination.`,
		Example: `  hcsroute set Port3 192.168.21.0/24 --metric 50
  hcsroute set Port3 192.168.21.0/24 192.168.20.1 --new-next-hop 192.168.20.2`,
		Args: threeArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			item, err := r.item(cmd, args, 2)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("metric") && strings.TrimSpace(metric) == "" {
				return usage("metric", metric, "not a number")
			}
			item.Metric = change.Decimal(metric)
			if metric == "" && newNextHop == "" {
				return usage("metric", "", "nothing to change: give --metric or --new-next-hop")
			}
			item.NewNextHop, item.ExpectedRevision = newNextHop, change.Decimal(strconv.FormatUint(expected, 10))
			return a.carry(cmd.Context(), operation{flags: &w, carry: change.Set, items: []placed{{Item: item}}})
		},
	}
	cmd.ValidArgsFunction = a.completeRoute
	w.add(cmd)
	r.add(a, cmd)
	cmd.Flags().StringVarP(&metric, "metric", "m", "", "the new metric, 1 to 65535")
	cmd.Flags().StringVar(&newNextHop, "new-next-hop", "", "the new next hop")
	decimalVar(cmd.Flags(), &expected, "expected-revision", "refuse when the route has another revision")
	a.outputs(cmd, routeFormats()...)
	return cmd
}
