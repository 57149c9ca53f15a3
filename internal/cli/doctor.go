package cli

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// check is one finding of doctor. Status is ok, warn or fail.
type check struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`

	exit routes.Exit
}

// diagnosis collects findings and what the checks share.
type diagnosis struct {
	checks []check
	client *client.Client
	info   *pb.GetServiceInfoResponse
	certs  []*x509.Certificate // those that the connection uses
}

func (d *diagnosis) ok(name, format string, args ...any) {
	d.checks = append(d.checks, check{Name: name, Status: "ok", Message: fmt.Sprintf(format, args...)})
}

func (d *diagnosis) warn(name, remedy, format string, args ...any) {
	d.checks = append(d.checks, check{Name: name, Status: "warn", Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *diagnosis) fail(name string, e *routes.Error) {
	info, _ := e.Reason.Info()
	d.checks = append(d.checks, check{Name: name, Status: "fail", Message: e.Message(), Remedy: e.Remedy(), exit: info.Exit})
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the service, the nodes and what they need", Args: cobra.NoArgs,
		Long: `Checks, in this order: the service, your role, the store, the inventory, the
session of each node, drift, certificates, versions and disk space. Each finding
that needs attention has a remedy. The exit code is that of the first failure.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			ctx, cancel := context.WithTimeout(cmd.Context(), client.CallTimeout)
			defer cancel()
			d := &diagnosis{client: c}
			d.run(ctx)
			return a.showDiagnosis(d.checks)
		},
	}
	a.outputs(cmd, "table", "wide", "json", "yaml")
	return cmd
}

func (d *diagnosis) run(ctx context.Context) {
	if !d.service(ctx) {
		return
	}
	d.role()
	d.store()
	d.audit()
	d.inventory(ctx)
	d.nodes(ctx)
	d.certificates()
	d.disk()
}

func (a *app) showDiagnosis(checks []check) error {
	var first *check
	for i, c := range checks {
		if c.Status == "fail" && first == nil {
			first = &checks[i]
		}
	}
	if a.structured() {
		if err := a.object(map[string]any{"checks": checks, "healthy": first == nil}); err != nil {
			return err
		}
	} else {
		p := a.paint(a.Out)
		for _, c := range checks {
			mark := map[string]string{"ok": p.green("ok  "), "warn": p.yellow("warn"), "fail": p.red("FAIL")}[c.Status]
			if _, err := fmt.Fprintf(a.Out, "%s  %s: %s\n", mark, clean(c.Name), clean(c.Message)); err != nil {
				return err
			}
			if c.Remedy != "" {
				if _, err := fmt.Fprintf(a.Out, "      %s %s\n", p.bold("hint:"), clean(c.Remedy)); err != nil {
					return err
				}
			}
		}
	}
	if first != nil {
		return exitCode(first.exit)
	}
	return nil
}
