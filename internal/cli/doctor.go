package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// check is what doctor says of one thing. Status is ok, warn or fail.
type check struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Reason  string `json:"reason,omitempty"` // of a failure

	Finding     *view.Finding     `json:"finding,omitempty"`
	Certificate *view.Certificate `json:"certificate,omitempty"`
}

// diagnosis collects checks and what they share.
type diagnosis struct {
	checks []check
	client *client.Client
	info   *pb.GetServiceInfoResponse
	list   *pb.ListNodesResponse
	app    *app
	// refused: the check of the configuration has said why the inventory file cannot be used.
	refused bool
	now     time.Time
}

func (d *diagnosis) ok(name, format string, args ...any) {
	d.checks = append(d.checks, check{Name: name, Status: "ok", Message: fmt.Sprintf(format, args...)})
}

func (d *diagnosis) warn(name, remedy, format string, args ...any) {
	d.checks = append(d.checks, check{Name: name, Status: "warn", Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *diagnosis) fail(name string, e *routes.Error) {
	d.checks = append(d.checks, check{Name: name, Status: "fail", Message: e.Message(), Remedy: e.Remedy(), Reason: string(e.Reason)})
}

// explain is for the errors of calls: what is said elsewhere of one that had no
// answer sends to doctor.
func (d *diagnosis) explain(err error) *routes.Error {
	e := d.client.Explain(err)
	if !d.client.Late(e) {
		return e
	}
	late := *e
	late.Action = "On the device, 'systemctl status hcsrouted' and 'journalctl -u hcsrouted' show whether it is busy or hangs; if it hangs, run 'systemctl restart hcsrouted' there: the nodes keep their routes meanwhile"
	return &late
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the service, the nodes and what they need", Args: noArgument,
		Long: `Checks, in this order: the service's configuration where it is on this machine, the
service, your role, the store, the inventory, the session of each node, what keeps
routes from a kernel (each cause once), certificates, and disk space. What needs
attention has a remedy. The exit code is that of the first failure.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			ctx, cancel := context.WithTimeout(cmd.Context(), client.CallTimeout)
			defer cancel()
			d := &diagnosis{app: a, client: c, now: a.Now()}
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
	d.routes(ctx)
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
		for _, c := range checks {
			if err := a.showCheck(c); err != nil {
				return err
			}
		}
	}
	if first == nil {
		return nil
	}
	info, _ := routes.Reason(first.Reason).Info()
	return exitCode(info.Exit)
}

func (a *app) showCheck(c check) error {
	const indent, hint = 6, len("      hint: ")
	p, limit := a.paint(a.Out), pageWidth(a.Out)
	label := map[string]string{"ok": p.green("ok  "), "warn": p.yellow("warn"), "fail": p.red("FAIL")}[c.Status]
	name := c.Name
	if c.Finding != nil {
		name = findingTitle(*c.Finding)
	}
	if _, err := fmt.Fprintf(a.Out, "%s  %s\n", label, hanging(clean(name+": "+c.Message), limit, indent)); err != nil || c.Remedy == "" {
		return err
	}
	_, err := fmt.Fprintf(a.Out, "      %s %s\n", p.bold("hint:"), hanging(clean(c.Remedy), limit, hint))
	return err
}
