package cli

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

// noArgument is for a command that takes none.
func noArgument(cmd *cobra.Command, args []string) error {
	return noneBut(func(string) string { return quoted(cmd.CommandPath()+" --help") + " for its flags" })(cmd, args)
}

// noneBut is noArgument where something is likely to be meant: what to type for
// the word that stands there.
func noneBut(meant func(word string) string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		e := usage("", args[0], cmd.Name()+" takes no argument")
		e.Action = "Type " + meant(args[0]) + ", or " + typed(cmd) + " without it"
		return e
	}
}

// routesOf is what shows the routes of a port.
func routesOf(port string) string {
	return quoted("hcsroute get --interface", port) + " for the routes of one port"
}

// askOne is what asks one node.
func askOne(node string) string {
	return quoted("hcsroute explain ADDRESS --node", node) + " to ask one node for the way of a packet"
}

// recordsOf is what shows the audit records of a destination, a time or an actor.
func recordsOf(word string) string {
	flag := "--actor"
	_, noDuration := time.ParseDuration(word)
	_, noTime := view.ParseTime(word)
	switch {
	case isAddress(word):
		flag = "--destination"
	case noDuration == nil || noTime == nil:
		flag = "--since"
	}
	return quoted("hcsroute audit list "+flag, word)
}

// commandBelow is for a command that others stand below.
func commandBelow(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := usage("", args[0], "no command of "+cmd.Name())
	e.Action = "Use " + namesBelow(cmd)
	return e
}

// nodesOrCommand is commandBelow for nodes, which is a command itself.
func nodesOrCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := usage("", args[0], "no command of nodes, which shows every node")
	e.Action = "Type 'hcsroute nodes -o wide' for all that is known of each node, " + askOne(args[0]) + ", or use " + namesBelow(cmd)
	return e
}

func namesBelow(cmd *cobra.Command) string {
	var names []string
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	return "one of " + strings.Join(names, ", ") + "; " + quoted(cmd.CommandPath()+" --help") + " says what they do"
}

// oneArgument takes the one argument of a command, by the name in its use.
func oneArgument(cmd *cobra.Command, args []string) error {
	_, name, _ := strings.Cut(cmd.Use, " ")
	switch {
	case len(args) == 0:
		e := usage(strings.ToLower(name), "", "it is missing")
		e.Action = "Type '" + cmd.CommandPath() + " " + name + "'"
		return e
	case len(args) > 1:
		e := usage("", args[1], "an argument too many")
		e.Action = "Type " + typed(cmd, args[0])
		return e
	}
	return nil
}

// threeArguments takes the port, the destination and the next hop of a route. What
// else is given is a metric, or a mask, which "route add" of Windows has here.
func threeArguments(cmd *cobra.Command, args []string) error {
	if len(args) <= 3 {
		return nil
	}
	e := usage("", args[3], "an argument too many")
	if prefix, ok := masked(args[1], args[2]); ok {
		e.Value, e.Problem = strconv.Quote(args[2]), "a destination is one argument, and has its prefix length in place of a mask"
		e.Action = "Type " + typed(cmd, args[0], prefix, args[3])
	} else if _, err := routes.ParseDecimal(args[3]); err == nil && cmd.Flags().Lookup("metric") != nil && !cmd.Flags().Changed("metric") {
		e.Problem = "a metric is given by its flag"
		e.Action = "Type " + typed(cmd, append(args[:3:3], "--metric", args[3])...)
	}
	return e
}

// masked is an IPv4 network with the prefix length that a mask stands for.
func masked(network, mask string) (string, bool) {
	a, errA := netip.ParseAddr(network)
	m, errM := netip.ParseAddr(mask)
	if errA != nil || errM != nil || !a.Is4() || !m.Is4() {
		return "", false
	}
	length, bits := net.IPMask(m.AsSlice()).Size()
	return netip.PrefixFrom(a, length).String(), bits != 0
}
