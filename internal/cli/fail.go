package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/view"
	"github.com/hcsroute/hcsroute/routes"
)

// fail reports err and returns the exit code of its class. Errors without a
// Reason are the command line's, BAD_REQUEST.
func (a *app) fail(err error) int {
	var e *routes.Error
	if !errors.As(err, &e) {
		e = &routes.Error{Reason: routes.BadRequest, Problem: strings.Join(strings.Fields(err.Error()), " "), Action: "See hcsroute --help"}
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

func (a *app) printError(e *routes.Error) {
	p := a.paint(a.Err)
	message := e.Message()
	if len(e.Related) > 0 {
		bare := *e
		bare.Related = nil
		message = bare.Message()
	}
	fmt.Fprintf(a.Err, "%s %s: %s\n", p.red("error:"), e.Reason, clean(message))
	for _, r := range e.Related {
		fmt.Fprintf(a.Err, "  %s\n", clean(r))
	}
	if remedy := e.Remedy(); remedy != "" {
		fmt.Fprintf(a.Err, "%s %s\n", p.bold("hint:"), clean(remedy))
	}
}

func (a *app) warn(w view.Warning) {
	fmt.Fprintf(a.Err, "%s %s: %s\n", a.paint(a.Err).yellow("warning:"), w.Code, clean(w.Message))
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
