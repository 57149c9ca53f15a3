package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
)

func (a *app) removeCommand() *cobra.Command {
	var w writeFlags
	var r routeFlags
	var all, ifExists bool
	var expected uint64
	var from string
	cmd := &cobra.Command{
		Use:     "remove INTERFACE DESTINATION [NEXT-HOP]",
		Aliases: []string{"rm"},
		Short:   "Remove a custom route",
		Long: `Removes a custom route from the device and from every Kubernetes VM. The next
hop is needed where several routes lead to the destination, unless --all
removes them all. What is not there, or was removed already, is an error unless
--if-exists. Metrics in a file of --from are ignored.`,
		Example: `  hcsroute remove Port3 192.168.21.0/24
  hcsroute get --interface Port3 -o name | xargs -L1 hcsroute remove --if-exists`,
		Args: threeArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			op := operation{flags: &w, carry: change.Remove, all: all, ifExists: ifExists, from: from}
			if from == "" {
				item, err := r.item(cmd, args, 2)
				if err != nil {
					return err
				}
				item.ExpectedRevision = change.Decimal(strconv.FormatUint(expected, 10))
				op.items = []placed{{Item: item}}
			} else if len(args) > 0 || expected != 0 || r != (routeFlags{}) {
				return usage("from", from, "the routes come from the file; give no other")
			}
			return a.carry(cmd.Context(), op)
		},
	}
	cmd.ValidArgsFunction = a.completeRoute
	w.add(cmd)
	r.add(a, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "remove every route that matches")
	cmd.Flags().BoolVar(&ifExists, "if-exists", false, "succeed where nothing is left to remove")
	decimalVar(cmd.Flags(), &expected, "expected-revision", "refuse when the route has another revision")
	cmd.Flags().StringVar(&from, "from", "", "remove the routes of a `file`; - for standard input")
	a.outputs(cmd, routeFormats()...)
	return cmd
}
