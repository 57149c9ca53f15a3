package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// dashes has every command refuse by name what a word processor made of a
// flag: cobra would take it for an argument too many.
func dashes(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		dashes(sub)
	}
	if cmd.HasSubCommands() {
		return
	}
	inner := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		for _, arg := range args {
			if flag, ok := meantFlag(arg); ok {
				return usage("", arg, "begins with a dash that is no minus sign; type "+flag)
			}
		}
		if inner == nil {
			return nil
		}
		return inner(cmd, args)
	}
}

// meantFlag is the flag that an argument was before its minus signs became a
// hyphen, figure dash, en dash, em dash, horizontal bar or mathematical minus.
func meantFlag(arg string) (string, bool) {
	first, size := utf8.DecodeRuneInString(arg)
	if !strings.ContainsRune("‐‑‒–—―−－", first) {
		return "", false
	}
	name := strings.TrimLeft(arg[size:], "-‐‑‒–—―−－")
	if utf8.RuneCountInString(name) == 1 {
		return "-" + name, true
	}
	return "--" + name, true
}
