package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Verify the store: pages, routes, digest and audit", Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Maintenance.CheckStore(ctx, &pb.CheckStoreRequest{})
				if err != nil {
					return err
				}
				if len(resp.GetProblems()) > 0 {
					return &routes.Error{Reason: routes.StoreFailed, Field: "store", Problem: fmt.Sprintf("%d problems", len(resp.GetProblems())), Related: resp.GetProblems(), Action: "Restore the last good backup with hcsroute restore"}
				}
				if a.structured() {
					return a.object(map[string]any{"routes": resp.GetRoutes(), "audit_records": resp.GetAuditRecords(), "problems": []string{}})
				}
				_, err = fmt.Fprintf(a.Out, "the store is sound: %d routes, %d audit records\n", resp.GetRoutes(), resp.GetAuditRecords())
				return err
			})
		},
	}
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

func (a *app) compactCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "compact", Short: "Rewrite the store without free space", Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Maintenance.CompactStore(ctx, &pb.CompactStoreRequest{})
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"bytes_before": resp.GetBytesBefore(), "bytes_after": resp.GetBytesAfter()})
				}
				_, err = fmt.Fprintf(a.Out, "%d bytes before, %d after\n", resp.GetBytesBefore(), resp.GetBytesAfter())
				return err
			})
		},
	}
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}
