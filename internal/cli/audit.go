package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Show who changed what, and verify that record", Args: commandBelow, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand())
	return cmd
}

func (a *app) auditListCommand() *cobra.Command {
	var since, until, destination, actor string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "Show audit records, newest first", Args: noneBut(recordsOf),
		Example: "  hcsroute audit list --since 24h\n  hcsroute audit list --destination 192.168.21.0/24 -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			req := &pb.ListAuditRecordsRequest{Destination: destination, Actor: actor}
			var err error
			if req.Since, err = moment("since", since); err != nil {
				return err
			}
			if req.Until, err = moment("until", until); err != nil {
				return err
			}
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return a.listAudit(ctx, c, req, limit)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "records at or after this time: RFC 3339, or how long ago, such as 24h")
	cmd.Flags().StringVar(&until, "until", "", "records before this time")
	cmd.Flags().StringVar(&destination, "destination", "", "records that name this destination")
	cmd.Flags().StringVar(&actor, "actor", "", "records of this actor")
	decimalVar(cmd.Flags(), &limit, "limit", "how many records at most; 0 for all")
	a.outputs(cmd, "table", "wide", "json", "yaml", "csv")
	return cmd
}

// moment reads a time, or how long ago it is.
func moment(flag, text string) (*timestamppb.Timestamp, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return timestamppb.New(time.Now().Add(-ago)), nil
	}
	t, err := view.ParseTime(text)
	if err != nil {
		return nil, usage(flag, text, "neither a time such as 2026-01-31T23:59:00Z nor a duration such as 24h")
	}
	return t, nil
}

func (a *app) auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Check the hash chain of the audit records", Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				resp, err := c.Audit.VerifyAudit(ctx, &pb.VerifyAuditRequest{})
				if err != nil {
					return err
				}
				if resp.GetProblem() != "" {
					return &routes.Error{Reason: routes.StoreFailed, Field: "audit", Problem: resp.GetProblem(), Action: "Keep a copy of the store for inquiry; compare it with a backup"}
				}
				if a.structured() {
					return a.object(map[string]any{"records": resp.GetRecords(), "first": resp.GetFirst(), "head": resp.GetHead()})
				}
				_, err = fmt.Fprintf(a.Out, "%d records, first %d, unbroken; head %s\n", resp.GetRecords(), resp.GetFirst(), resp.GetHead())
				return err
			})
		},
	}
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}
