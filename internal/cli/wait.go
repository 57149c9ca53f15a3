package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) waitCommand() *cobra.Command {
	var revision uint64
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until the nodes have everything that is stored",
		Long: `Waits until every listed node that is not declared stopped has carried out all
changes up to a revision. Exit code 9 says that some have not in time; the
warnings name them. What cannot be yet, such as a route on a port without
compute, is a warning and no failure.`,
		Args: noneBut(waited),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout < 0 || timeout > change.MaxTimeout {
				return usage("timeout", timeout.String(), "not in 0s..60s")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			ok, warnings, err := waitFor(cmd.Context(), c, revision, timeout)
			if err != nil {
				return err
			}
			if a.structured() {
				err = a.object(map[string]any{"acknowledged": ok, "warnings": warnings})
			} else if a.warnings(warnings); ok {
				said := "every node has every route"
				if len(warnings) > 0 {
					said = "no node is late"
				}
				_, err = fmt.Fprintln(a.Out, said)
			}
			if err == nil && !ok {
				err = exitCode(routes.ExitNotProgrammed)
			}
			return err
		},
	}
	decimalVar(cmd.Flags(), &revision, "revision", "the revision to wait for; 0 for what is stored now")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait, 60s at most")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// waitFor waits for a revision; the warnings name the nodes that are late.
func waitFor(ctx context.Context, c *client.Client, revision uint64, timeout time.Duration) (bool, []view.Warning, error) {
	ctx, cancel := context.WithTimeout(ctx, client.CallTimeout+timeout)
	defer cancel()
	resp, err := c.Routes.WaitRoutes(ctx, &pb.WaitRoutesRequest{Revision: revision, Timeout: durationpb.New(max(timeout, time.Millisecond))})
	if err != nil {
		return false, nil, c.Explain(err)
	}
	warnings := view.FromWarnings(resp.GetWarnings())
	if warnings == nil {
		warnings = []view.Warning{}
	}
	return resp.GetAcknowledged(), warnings, nil
}
