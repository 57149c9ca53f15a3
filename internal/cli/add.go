package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
)

func (a *app) addCommand() *cobra.Command {
	var w writeFlags
	var r routeFlags
	var metric string
	var force bool
	var from string
	cmd := &cobra.Command{
		Use:   "add INTERFACE DESTINATION NEXT-HOP",
		Short: "Add a custom route",
		Long: `Adds a custom route: stored on the device, programmed in every Kubernetes VM.
Adding what is there already succeeds. With --from it adds the routes of a file:
JSON lines, a JSON or YAML list, or CSV with a header; a refused route never
costs the others.`,
		Example: `  hcsroute add Port3 192.168.21.0/24 192.168.20.1 --metric 100
  hcsroute add --interface Port3 --destination 192.168.21.0/24 --next-hop 192.168.20.1
  hcsroute add --from cameras.csv`,
		Args: threeArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			op := operation{flags: &w, carry: change.Add, force: force, from: from}
			if from == "" {
				item, err := r.item(cmd, args, 3)
				if err != nil {
					return err
				}
				if strings.TrimSpace(metric) == "" {
					return usage("metric", metric, "not a number")
				}
				item.Metric = change.Decimal(metric)
				op.items = []placed{{Item: item}}
			} else if len(args) > 0 || cmd.Flags().Changed("metric") || r != (routeFlags{}) {
				return usage("from", from, "the routes come from the file; give no other")
			}
			return a.carry(cmd.Context(), op)
		},
	}
	cmd.ValidArgsFunction = a.completeNew
	w.add(cmd)
	r.add(a, cmd)
	cmd.Flags().StringVarP(&metric, "metric", "m", "256", "metric, 1 to 65535; lower is preferred")
	cmd.Flags().BoolVar(&force, "force", false, "change the metric where the route exists with another")
	cmd.Flags().StringVar(&from, "from", "", "add the routes of a `file`; - for standard input")
	a.outputs(cmd, routeFormats()...)
	return cmd
}
