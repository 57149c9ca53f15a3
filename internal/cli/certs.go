package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) certsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "certs", Short: "Make the certificates of service, nodes and callers", Args: commandBelow,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.certsInitCommand(), a.certsIssueCommand())
	return cmd
}

func (a *app) certsInitCommand() *cobra.Command {
	var o certs.CAOptions
	days := 3650
	cmd := &cobra.Command{
		Use: "init", Short: "Make a certificate authority",
		Args:    noneBut(func(folder string) string { return quoted("hcsroute certs init --dir", folder) }),
		Long:    "Makes ca.crt and ca.key in a folder. Keep the key off the device: it is needed to issue certificates only.",
		Example: "  hcsroute certs init --dir ./pki",
		RunE: func(*cobra.Command, []string) (err error) {
			if o.Validity, err = validity(days); err != nil {
				return err
			}
			if err := certs.Init(o); err != nil {
				return certError(o.Dir, err)
			}
			return a.certWritten(filepath.Join(o.Dir, "ca"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", ".", "folder of the authority")
	flags.StringVar(&o.Name, "name", "hcsroute CA", "its common name")
	decimalVar(flags, &days, "days", "how many days it is valid")
	flags.BoolVar(&o.Force, "force", false, "overwrite files")
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

func (a *app) certsIssueCommand() *cobra.Command {
	var o certs.LeafOptions
	var kind string
	days := certs.DefaultDays
	cmd := &cobra.Command{
		Use: "issue NAME", Short: "Issue a certificate", Args: oneArgument,
		Long: `Issues a certificate and its key: for the service's remote listener (service),
the service towards the nodes (host), a node's agent (agent; NAME is the node's
id), or a caller (client, with a role).`,
		Example: `  hcsroute certs issue edge1 --kind service --san edge1.example.net --san 10.0.0.10
  hcsroute certs issue k8s-master --kind agent
  hcsroute certs issue backup-job --kind client --role reader`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Validity, err = validity(days); err != nil {
				return err
			}
			o.Name, o.Kind, o.Shortened = args[0], certs.Kind(kind), a.certShortened
			if o.Role == "" && !cmd.Flags().Changed("kind") {
				e := usage("kind", "", "it is missing, and a certificate is a client's then, which needs a role")
				e.Action = "Add --kind service, host or agent, or --role reader, operator or admin"
				return e
			}
			if err := certs.Issue(o); err != nil {
				return certError(o.Name, err)
			}
			if o.Out == "" {
				o.Out = filepath.Join(o.Dir, o.Name)
			}
			return a.certWritten(o.Out)
		},
		ValidArgsFunction: a.completeNodes,
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", ".", "folder of the authority")
	flags.StringVar(&o.Out, "out", "", "`path` of the files without .crt and .key; NAME in the authority's folder when empty")
	flags.StringVar(&kind, "kind", "client", "service, host, agent or client")
	flags.StringVar(&o.Role, "role", "", "role of a client: reader, operator or admin")
	flags.StringSliceVar(&o.SANs, "san", nil, "further DNS names and IP addresses; a service needs those that callers use")
	decimalVar(flags, &days, "days", "how many days it is valid")
	flags.BoolVar(&o.Force, "force", false, "overwrite files")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"service", "host", "agent", "client"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"reader", "operator", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	a.outputs(cmd, "table", "json", "yaml")
	return cmd
}

// validity of no days would be the default to package certs, and here a slip.
func validity(days int) (time.Duration, error) {
	if days < 1 || days > certs.MaxDays {
		return 0, &routes.Error{
			Reason: routes.BadRequest, Field: "days", Value: strconv.Itoa(days), Problem: fmt.Sprintf("not in 1..%d", certs.MaxDays),
			Action: fmt.Sprintf("Give a number of days from 1 to %d with --days", certs.MaxDays),
		}
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func (a *app) certWritten(base string) error {
	if a.structured() {
		return a.object(map[string]string{"cert": base + ".crt", "key": base + ".key"})
	}
	_, err := fmt.Fprintf(a.Out, "%s.crt\n%s.key\n", base, base)
	return err
}

func (a *app) certShortened(end, asked time.Time) {
	a.note("", "shortened:", fmt.Sprintf("the certificate ends on %s, when its authority does, and not on %s", end.UTC().Format(time.RFC3339), asked.UTC().Format(time.RFC3339)))
	a.note("", "hint:", "For a longer one, make another authority: 'hcsroute certs init --dir FOLDER'; docs/operator-guide.md has the order.")
}

// certError leaves what to do to the command's help where the problem does not say it.
func certError(what string, err error) error {
	e := &routes.Error{Reason: routes.BadRequest, Field: "certificate", Value: what, Problem: err.Error(), Cause: err}
	switch {
	case errors.Is(err, fs.ErrExist):
		e.Action = "Add --force to overwrite it"
	case errors.Is(err, fs.ErrNotExist):
		e.Action = "Name the authority's folder with --dir; 'hcsroute certs init --dir DIR' makes one"
	}
	return e
}
