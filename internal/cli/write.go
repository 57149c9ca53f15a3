package cli

import (
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// writeFlags are those of every command that changes routes.
type writeFlags struct {
	wait       string
	timeout    time.Duration
	dryRun     bool
	onBehalfOf string
	requestID  string
}

func (f *writeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.wait, "wait", "programmed", "return once the change is programmed in the nodes, or stored on the device")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for programmed, 60s at most")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check everything and show the effect, change nothing")
	flags.StringVar(&f.onBehalfOf, "on-behalf-of", "", "the person or system behind you, for the audit")
	flags.StringVar(&f.requestID, "request-id", "", "a UUID: repeating the same command with it within 24 hours does nothing twice")
	_ = cmd.RegisterFlagCompletionFunc("wait", cobra.FixedCompletions([]string{"programmed", "stored"}, cobra.ShellCompDirectiveNoFileComp))
}

// options checks the flags.
func (f *writeFlags) options(c *client.Client) (change.Options, error) {
	o := change.Options{
		Client: c, Wait: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: f.timeout,
		ValidateOnly: f.dryRun, OnBehalfOf: f.onBehalfOf, RequestID: f.requestID,
	}
	switch f.wait {
	case "programmed":
	case "stored":
		o.Wait = pb.Acknowledgement_ACKNOWLEDGEMENT_STORED
	default:
		return o, usage("wait", f.wait, "neither programmed nor stored")
	}
	if f.timeout < 0 || f.timeout > change.MaxTimeout {
		return o, usage("timeout", f.timeout.String(), "not in 0s..60s")
	}
	if f.requestID != "" {
		if err := uuid.Validate(f.requestID); err != nil {
			return o, usage("request-id", f.requestID, "not a UUID")
		}
	}
	return o, nil
}

// routeFlags name one route, by position or by flag.
type routeFlags struct {
	iface, destination, nextHop string
}

func (f *routeFlags) add(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.iface, "interface", "i", "", "alias of the port, such as Port3")
	flags.StringVarP(&f.destination, "destination", "d", "", "destination prefix, or a single address")
	flags.StringVarP(&f.nextHop, "next-hop", "n", "", "address of the router; 0.0.0.0 or :: for a device route")
	_ = cmd.RegisterFlagCompletionFunc("interface", a.completePorts)
}

// item puts the positional arguments in the place of flags that were not given.
func (f *routeFlags) item(cmd *cobra.Command, args []string, need int) (change.Item, error) {
	if err := f.order(cmd, args); err != nil {
		return change.Item{}, err
	}
	item := change.Item{Interface: f.iface, Destination: f.destination, NextHop: f.nextHop}
	for _, part := range []struct {
		name  string
		value *string
	}{{"interface", &item.Interface}, {"destination", &item.Destination}, {"next-hop", &item.NextHop}} {
		if *part.value == "" && len(args) > 0 {
			*part.value, args = args[0], args[1:]
		}
		if need--; need >= 0 && *part.value == "" {
			return item, usage(part.name, "", "it is missing")
		}
	}
	if len(args) > 0 {
		return item, usage("", args[0], "an argument too many")
	}
	return item, nil
}
