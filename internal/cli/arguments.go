package cli

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/routes"
)

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
