package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/routes"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "hcsroute",
		Short: "Custom routes for the Kubernetes VMs of an edge device",
		Long: `hcsroute manages the custom routes of the device's Kubernetes VMs: stored once
on the device, programmed in every VM's kernel, and read back from it.`,
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("hcsroute {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	f := root.PersistentFlags()
	f.StringVar(&a.address.Address, "address", "", "the service: unix:///path or tcp://host:port (environment HCSROUTE_ADDRESS)")
	f.StringVar(&a.address.Cert, "cert", "", "client certificate for tcp, PEM `file` (HCSROUTE_CERT)")
	f.StringVar(&a.address.Key, "key", "", "its key, PEM `file` (HCSROUTE_KEY)")
	f.StringVar(&a.address.CA, "ca", "", "the CA of the service's certificate, PEM `file` (HCSROUTE_CA)")
	root.AddCommand(
		a.addCommand(), a.setCommand(), a.getCommand(), a.removeCommand(), a.applyCommand(), a.exportCommand(),
		a.watchCommand(), a.waitCommand(), a.nodesCommand(), a.interfacesCommand(), a.explainCommand(), a.auditCommand(),
		a.certsCommand(), a.doctorCommand(), a.backupCommand(), a.restoreCommand(), a.checkCommand(), a.compactCommand(), a.storeCommand(),
		a.versionCommand(), a.jsonlCommand(),
	)
	dashes(root)
	return root
}

// outputs adds -o with the formats that a command has; the first is the default.
func (a *app) outputs(cmd *cobra.Command, formats ...string) {
	cmd.Flags().StringP("output", "o", formats[0], "format: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		a.setOutput(cmd)
		if !slices.Contains(formats, a.output) {
			return usage("output", a.output, "not one of "+strings.Join(formats, ", "))
		}
		return nil
	}
}

// setOutput takes over the format of the command that runs.
func (a *app) setOutput(cmd *cobra.Command) {
	if f := cmd.Flags().Lookup("output"); f != nil {
		a.output, a.plain = f.Value.String(), !f.Changed
	}
}

// flagError says of a flag's value what it should be, not how it was parsed.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	problem := "not a valid " + bad.GetFlag().Value.Type()
	switch bad.GetFlag().Value.Type() {
	case decimalType:
		_, refusal := routes.ParseDecimal(bad.GetValue())
		if problem = "too large"; refusal != nil {
			problem = refusal.Error()
		}
	case "duration":
		problem = "not a duration such as 10s"
	}
	return usage(bad.GetFlag().Name, bad.GetValue(), problem)
}

// usage is an error of the command line; without an Action, fail adds one.
func usage(field, value, problem string) *routes.Error {
	return &routes.Error{Reason: routes.BadRequest, Field: field, Value: fmt.Sprintf("%.200q", value), Problem: problem}
}
