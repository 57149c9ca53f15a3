package cli

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hcsroute/hcsroute/routes"
)

// order refuses positional arguments whose order cannot be meant, with the
// command to type instead: an address in the port's place, a prefix in the next
// hop's.
func (f *routeFlags) order(cmd *cobra.Command, args []string) error {
	names := slices.DeleteFunc([]string{"interface", "destination", "next-hop"}, func(name string) bool { return cmd.Flags().Changed(name) })
	if len(args) > len(names) {
		return nil // one too many is said of itself
	}
	at := func(name string) int {
		if i := slices.Index(names, name); i < len(args) {
			return i
		}
		return -1
	}
	if i := at("interface"); i >= 0 && isAddress(args[i]) {
		port := "PORT"
		rest := slices.Clone(args)
		if named := slices.IndexFunc(args, func(arg string) bool { return !isAddress(arg) }); named >= 0 {
			port, rest = args[named], slices.Delete(rest, named, named+1)
		}
		e := &routes.Error{
			Reason: routes.BadRequest, Field: "interface", Value: args[i], Problem: "the port comes first, and this is an address",
			Action: "Type " + typed(cmd, append([]string{port}, rest...)...),
		}
		if port == "PORT" {
			e.Action += "; 'hcsroute interfaces' lists the ports"
		}
		return e
	}
	hop, dst := at("next-hop"), at("destination")
	if hop >= 0 && dst >= 0 && strings.Contains(args[hop], "/") && isAddress(args[hop]) && isAddress(args[dst]) {
		swapped := slices.Clone(args)
		swapped[hop], swapped[dst] = args[dst], args[hop]
		return &routes.Error{
			Reason: routes.BadRequest, Field: "next-hop", Value: args[hop], Problem: "the destination comes before its next hop, and a next hop has no prefix length",
			Action: "Type " + typed(cmd, swapped...),
		}
	}
	return nil
}

// isAddress is true for what is written as an address or prefix, and so is no
// port, whether or not it is a good destination.
func isAddress(word string) bool {
	address, _, _ := strings.Cut(word, "/")
	_, err := netip.ParseAddr(address)
	return err == nil
}

// typed is the command with other arguments and the flags it was given, in quotes.
func typed(cmd *cobra.Command, args ...string) string {
	words := append(strings.Fields(cmd.CommandPath()), args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, isList := f.Value.(pflag.SliceValue)
		switch {
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name+map[string]string{"false": "=false"}[f.Value.String()])
		case isList:
			words = append(words, "--"+f.Name, strings.Join(list.GetSlice(), ","))
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	return quoted(words[0], words[1:]...)
}

// quoted is a command to type, of which each further word is quoted where a shell
// would take it apart.
func quoted(command string, words ...string) string {
	for i, word := range words {
		if word == "" || strings.ContainsAny(word, " \t*?'\"\\$`&|;<>()") {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(word) + `"`
		}
	}
	return "'" + strings.Join(append([]string{command}, words...), " ") + "'"
}

// waited is for what stands behind wait, which looks at every node.
func waited(word string) string {
	if _, err := routes.ParseDecimal(word); err == nil {
		return quoted("hcsroute wait --revision", word)
	}
	return quoted("hcsroute get", word) + " for the state of one destination"
}

// oneAddress takes the one address of explain.
func oneAddress(cmd *cobra.Command, args []string) error {
	addresses := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !isAddress(arg) })
	switch {
	case len(args) == 0:
		e := usage("address", "", "it is missing")
		e.Action = "Type 'hcsroute explain ADDRESS', with the address that a packet goes to"
		return e
	case len(args) == 1:
		prefix, err := netip.ParsePrefix(args[0])
		host := prefix.Addr()
		if err == nil && !prefix.IsSingleIP() && host == prefix.Masked().Addr() {
			host = host.Next()
		}
		if !host.IsValid() {
			return nil // no prefix: the service reads it
		}
		e := usage("address", args[0], "a packet goes to one address, and this is a prefix")
		e.Action = "Type an address in it, such as " + typed(cmd, host.String())
		return e
	}
	e := usage("address", strings.Join(args, " "), "explain takes one address")
	e.Action = "Type " + typed(cmd, append(addresses, "ADDRESS")[0]) + "; --node NODE asks one node only"
	return e
}
