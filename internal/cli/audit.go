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
	cmd := &cobra.Command{Use: "audit", Short: "Show who changed what, and verify that record", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand())
	return cmd
}

func (a *app) auditListCommand() *cobra.Command {
	var since, until, destination, actor string
	limit := 100
	cmd := &cobra.Command{
		Use: "list", Short: "Show audit records, newest first", Args: cobra.NoArgs,
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
				list, err := auditRecords(ctx, c, req, limit)
				if err != nil {
					return err
				}
				if a.structured() {
					return a.object(map[string]any{"records": list})
				}
				return a.showAudit(list)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "records at or after this time: RFC 3339, or how long ago, such as 24h")
	cmd.Flags().StringVar(&until, "until", "", "records before this time")
	cmd.Flags().StringVar(&destination, "destination", "", "records that name this destination")
	cmd.Flags().StringVar(&actor, "actor", "", "records of this actor")
	decimalVar(cmd.Flags(), &limit, "limit", "how many records at most")
	a.outputs(cmd, "table", "wide", "json", "yaml")
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

func auditRecords(ctx context.Context, c *client.Client, req *pb.ListAuditRecordsRequest, limit int) ([]view.Record, error) {
	list := []view.Record{}
	for len(list) < limit {
		req.PageSize = int32(min(limit-len(list), 1000))
		resp, err := c.Audit.ListAuditRecords(ctx, req)
		if err != nil {
			return nil, err
		}
		list = append(list, view.FromRecords(resp.GetRecords())...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	return list, nil
}

func (a *app) showAudit(list []view.Record) error {
	columns := []column{{title: "TIME"}, {title: "ACTOR"}, {title: "ACTION"}, {title: "REVISION", right: true}}
	if a.output == "wide" {
		columns = append(columns, column{title: "SEQUENCE", right: true}, column{title: "ON-BEHALF-OF"}, column{title: "ORIGIN"}, column{title: "REQUEST-ID"})
	}
	t := a.newTable(append(columns, column{title: "WHAT", shrink: true})...)
	for _, r := range list {
		when := r.Time
		if len(when) > len(time.DateTime) && a.output != "wide" {
			when = when[:len(time.DateTime)] + "Z" // milliseconds are for wide
		}
		cells := []string{when, r.Actor, r.Action, fmt.Sprint(r.Revision)}
		if a.output == "wide" {
			cells = append(cells, fmt.Sprint(r.Sequence), r.OnBehalfOf, r.Origin, r.RequestID)
		}
		t.add(append(cells, what(r))...)
	}
	return t.write(a.Out)
}

// what tells a record's change in one line.
func what(r view.Record) string {
	switch {
	case r.Items > 1:
		return join("; ", fmt.Sprintf("%d items", r.Items), r.Note)
	case len(r.Before) > 0 && len(r.After) > 0:
		return r.Before[0] + " -> " + r.After[0]
	case len(r.After) > 0:
		return r.After[0]
	case len(r.Before) > 0:
		return r.Before[0]
	}
	return r.Note
}

func (a *app) auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Check the hash chain of the audit records", Args: cobra.NoArgs,
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
