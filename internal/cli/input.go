package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcsroute/hcsroute/internal/cli/change"
	"github.com/hcsroute/hcsroute/internal/cli/jsonkeys"
	"github.com/hcsroute/hcsroute/routes"
)

// maxInput bounds a file of routes; a million routes are about 100 MB.
const maxInput = 256 << 20

// placed is an item with the place in the file that it came from.
type placed struct {
	change.Item
	place string
}

// readRoutes reads a file of routes, or standard input for "-": JSON lines, a
// JSON or YAML list under "routes" or alone, or CSV with a header. A file
// that shows that it was cut is refused: what it lacks, apply would remove.
func (a *app) readRoutes(name string) ([]placed, error) {
	data, err := a.readFile(name)
	if name == "-" {
		name = "standard input"
	}
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "file", Value: name, Problem: rootProblem(err), Action: "Give a file that can be read, or - for standard input", Cause: err}
	}
	in := input{name: filepath.Base(name)}
	if in.data, err = toUTF8(data); err != nil {
		return nil, in.bad(0, "%v", err)
	}
	text := bytes.TrimLeft(in.data, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, in.bad(0, "there is nothing in it")
	case text[0] == '{' || text[0] == '[':
		return in.json()
	case isCSV(text):
		return in.csv()
	}
	return in.yaml()
}

// readFile reads all of a file, up to maxInput.
func (a *app) readFile(name string) ([]byte, error) {
	r := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("larger than %d bytes", maxInput)
	}
	return data, err
}

func rootProblem(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

type input struct {
	name string
	data []byte
}

func (in input) at(line int) string {
	if line == 0 {
		return in.name
	}
	return fmt.Sprintf("%s:%d", in.name, line)
}

func (in input) bad(line int, format string, args ...any) error {
	return &routes.Error{
		Reason: routes.BadRequest, Field: "file", Value: in.at(line), Problem: fmt.Sprintf(format, args...),
		Action: "Each route has interface, destination, next_hop and, if not 256, metric; hcsroute export shows the form",
	}
}

// fileRoute is a route object of a file.
type fileRoute struct {
	Interface   string         `json:"interface" yaml:"interface"`
	Destination string         `json:"destination" yaml:"destination"`
	NextHop     string         `json:"next_hop" yaml:"next_hop"`
	Metric      change.Decimal `json:"metric" yaml:"metric"`
}

func (r fileRoute) item() change.Item {
	return change.Item{Interface: r.Interface, Destination: r.Destination, NextHop: r.NextHop, Metric: r.Metric}
}

// none refuses a list that is not there or empty, except for an empty list under
// "routes": null is what a file has that was cut, or made by a failed program.
func (in input) none(line int) error {
	return in.bad(line, "there are no routes in it; only routes: [] means none")
}

// cut refuses a file whose last line has no end: nobody can know
// whether the value there is whole.
func (in input) cut() error {
	return in.bad(1+bytes.Count(in.data, []byte("\n")), "the last line has no line end, as in a file that was cut; end it with one")
}

// counted holds a list to the count beside it, which export writes: a file that
// was cut at the end of a line looks whole otherwise.
func (in input) counted(count string, line, found int) error {
	n, err := routes.ParseDecimal(count)
	if err != nil {
		return in.bad(line, "count %.64s: %v", count, err)
	}
	if n == uint64(found) {
		return nil
	}
	there := fmt.Sprintf("there are %d routes", found)
	if found == 1 {
		there = "there is 1 route"
	}
	return &routes.Error{
		Reason: routes.BadRequest, Field: "file", Value: in.at(line), Problem: fmt.Sprintf("count says %d, and %s", n, there),
		Action: "Get the whole file if it was cut; if it was edited, correct count or delete it",
	}
}

// json reads one JSON document, or JSON lines.
func (in input) json() ([]placed, error) {
	d := json.NewDecoder(bytes.NewReader(in.data))
	var out []placed
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		line := 1 + bytes.Count(in.data[:min(int(d.InputOffset()), len(in.data))], []byte("\n")) - bytes.Count(raw, []byte("\n"))
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, in.bad(line, "it ends early: the file was cut")
		case err != nil:
			return nil, in.bad(line, "not valid JSON: %v", err)
		}
		list, err := in.jsonValue(raw, line)
		if err != nil {
			return nil, err
		}
		for i, r := range list {
			place := in.at(line)
			if len(list) > 1 {
				place = fmt.Sprintf("%s item %d", in.name, i+1)
			}
			out = append(out, placed{r.item(), place})
		}
	}
}

// The names of a route's fields, and of what may stand around a list.
const routeKeys, listKeys = " interface destination next_hop metric ", " count routes "

// jsonValue reads a route, a list of routes, or an object with a list.
func (in input) jsonValue(raw json.RawMessage, line int) ([]fileRoute, error) {
	var around struct{ Routes, Count json.RawMessage }
	list := raw
	named := false
	switch {
	case raw[0] == '{' && json.Unmarshal(raw, &around) == nil && around.Routes != nil:
		list, named = around.Routes, true
	case raw[0] == '{':
		list = append(append(json.RawMessage{'['}, raw...), ']')
	case raw[0] != '[':
		return nil, in.bad(line, "expected a route, or a list of routes")
	}
	if err := in.jsonKeys(raw, line, named); err != nil {
		return nil, err
	}
	if list[0] != '[' {
		return nil, in.none(line)
	}
	var items []*fileRoute
	if err := strict(list, &items); err != nil {
		return nil, in.bad(line, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if len(items) == 0 && !named {
		return nil, in.none(line)
	}
	out := make([]fileRoute, len(items))
	for i, r := range items {
		if r == nil {
			return nil, in.bad(line, "item %d is null, not a route", i+1)
		}
		out[i] = *r
	}
	if around.Count != nil {
		if err := in.counted(string(around.Count), line, len(out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// jsonKeys refuses fields that do not belong, and those that are given twice.
func (in input) jsonKeys(raw []byte, line int, named bool) error {
	fault := jsonkeys.Check(raw, func(depth int) string {
		if named && depth == 1 {
			return listKeys
		}
		return routeKeys
	})
	if fault == nil {
		return nil
	}
	line += bytes.Count(raw[:fault.Offset], []byte("\n"))
	switch {
	case fault.Twice:
		return in.bad(line, "%s is given twice", fault.Name)
	case named && fault.Depth == 1:
		return in.bad(line, "expected routes and nothing beside it but their count, not %.64q", fault.Name)
	}
	return in.bad(line, "a route has no field %.64q", fault.Name)
}

func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
