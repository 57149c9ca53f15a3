package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

// fail reports the error of a command and returns the exit code of its class. Errors
// without a Reason are the command line's, BAD_REQUEST; of these, where nothing better
// is known, the command's help says what it takes.
func (a *app) fail(cmd *cobra.Command, err error) int {
	var e *routes.Error
	if !errors.As(err, &e) {
		e = &routes.Error{Reason: routes.BadRequest, Problem: strings.Join(strings.Fields(err.Error()), " ")}
	}
	if e.Reason == routes.BadRequest && e.Action == "" {
		helped := *e
		helped.Action = "See '" + cmd.CommandPath() + " --help'"
		e = &helped
	}
	a.report(e)
	info, _ := e.Reason.Info()
	return int(info.Exit)
}

// report writes one error: as the object of -o json or -o yaml, or as text on stderr.
func (a *app) report(e *routes.Error) {
	if a.structured() && !a.plain && !a.written {
		_ = a.object(map[string]any{"error": view.FromError(e)})
		return
	}
	a.printError(e)
}

func (a *app) printError(e *routes.Error) { a.printErrorAt("", e) }

// printErrorAt prints an error with the place in a file that it is about.
func (a *app) printErrorAt(place string, e *routes.Error) {
	message := e.Message()
	if len(e.Related) > 0 {
		bare := *e
		bare.Related = nil
		message = bare.Message()
	}
	if place != "" {
		place += ": "
	}
	a.note(place, "error:", fmt.Sprintf("%s: %s", e.Reason, message))
	for _, r := range e.Related {
		fmt.Fprintf(a.Err, "  %s\n", hanging(clean(r), pageWidth(a.Err), 4))
	}
	if remedy := e.Remedy(); remedy != "" {
		a.note("", "hint:", remedy)
	}
}

func (a *app) warn(w view.Warning) {
	a.note("", "warning:", fmt.Sprintf("%s: %s", w.Code, w.Message))
}

// note writes a text with its label on standard error; a terminal gets it folded,
// with its further lines under the text.
func (a *app) note(place, label, text string) {
	p := a.paint(a.Err)
	colour := map[string]func(string) string{"error:": p.red, "warning:": p.yellow}[label]
	if colour == nil {
		colour = p.bold
	}
	whole := outdented(clean(place+label+" "+text), pageWidth(a.Err), textWidth(label)+1)
	fmt.Fprintln(a.Err, strings.Replace(whole, label, colour(label), 1))
}

// json writes the one top-level object of -o json.
func (a *app) json(v any) error {
	a.written = true
	e := json.NewEncoder(a.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// clean keeps control characters of names and kernels out of a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
