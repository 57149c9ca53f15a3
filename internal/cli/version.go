package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/internal/version"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

func (a *app) versionCommand() *cobra.Command {
	var service bool
	cmd := &cobra.Command{
		Use: "version", Short: "Show the version of this program, and with --service of the service", Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !service {
				if a.structured() {
					return a.object(map[string]string{"version": version.String()})
				}
				_, err := fmt.Fprintf(a.Out, "hcsroute %s\n", version.String())
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Maintenance.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{})
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"version": version.String(), "service": view.FromInfo(resp)})
				}
				_, err = fmt.Fprintf(a.Out, "hcsroute %s\nservice %s at %s\n", version.String(), clean(resp.GetVersion()), c.Address())
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&service, "service", false, "ask the service too")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}
