package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/routes"
)

// confirm asks on a terminal; without one --yes is needed.
func (a *app) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !isTerminal(a.In) {
		return &routes.Error{Reason: routes.BadRequest, Field: "yes", Problem: "there is no terminal to ask on", Action: "Add --yes when you are sure"}
	}
	fmt.Fprintf(a.Err, "%s [y/N] ", clean(question))
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(a.Err, "nothing was changed")
	return exitCode(routes.ExitUsage)
}
