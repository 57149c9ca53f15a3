package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/internal/cli/change"
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
// JSON or YAML list (alone or under "routes"), or CSV with a header.
func (a *app) readRoutes(name string) ([]placed, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(a.In, maxInput))
		name = "standard input"
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "file", Value: name, Problem: rootProblem(err), Action: "Give a file that can be read, or - for standard input", Cause: err}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	in := input{name: filepath.Base(name), data: data}
	text := bytes.TrimLeft(data, " \t\r\n")
	first, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case len(text) == 0:
		return nil, in.bad(0, "there is nothing in it")
	case text[0] == '{' || text[0] == '[':
		return in.json()
	case bytes.IndexByte(first, ',') >= 0 && bytes.IndexByte(first, ':') < 0:
		return in.csv()
	}
	return in.yaml()
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
	Interface   string `json:"interface" yaml:"interface"`
	Destination string `json:"destination" yaml:"destination"`
	NextHop     string `json:"next_hop" yaml:"next_hop"`
	Metric      *int64 `json:"metric,omitempty" yaml:"metric,omitempty"`
}

func (r fileRoute) item() change.Item {
	return change.Item{Interface: r.Interface, Destination: r.Destination, NextHop: r.NextHop, Metric: r.Metric}
}

// fileDocument is a whole file of routes.
type fileDocument struct {
	Routes []fileRoute `json:"routes" yaml:"routes"`
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
		case err != nil:
			return nil, in.bad(line, "not valid JSON: %v", err)
		}
		var list []fileRoute
		var keys map[string]json.RawMessage
		switch {
		case raw[0] == '[':
			err = strict(raw, &list)
		case json.Unmarshal(raw, &keys) == nil && keys["routes"] != nil:
			var doc fileDocument
			err = strict(raw, &doc)
			list = doc.Routes
		default:
			list = make([]fileRoute, 1)
			err = strict(raw, &list[0])
		}
		if err != nil {
			return nil, in.bad(line, "%s", strings.TrimPrefix(err.Error(), "json: "))
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

func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// yaml reads a list of routes, alone or under "routes".
func (in input) yaml() ([]placed, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(in.data, &doc); err != nil {
		return nil, in.bad(0, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return nil, in.bad(0, "there is nothing in it")
	}
	list := doc.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != "routes" {
			return nil, in.bad(list.Line, "expected a list of routes, or routes: and nothing else")
		}
		list = list.Content[1]
	}
	if list.Kind == yaml.ScalarNode && list.Tag == "!!null" {
		return nil, nil
	}
	if list.Kind != yaml.SequenceNode {
		return nil, in.bad(list.Line, "expected a list of routes")
	}
	var out []placed
	for _, n := range list.Content {
		var r fileRoute
		if err := in.knownKeys(n); err != nil {
			return nil, err
		}
		if err := n.Decode(&r); err != nil {
			return nil, in.bad(n.Line, "%s", strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n ", ""))
		}
		out = append(out, placed{r.item(), in.at(n.Line)})
	}
	return out, nil
}

func (in input) knownKeys(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return in.bad(n.Line, "expected a route")
	}
	for i := 0; i < len(n.Content); i += 2 {
		switch key := n.Content[i]; key.Value {
		case "interface", "destination", "next_hop", "metric":
		default:
			return in.bad(key.Line, "a route has no field %.64q", key.Value)
		}
	}
	return nil
}

// csv reads what export -o csv writes, and what Export-Csv makes of the
// module's objects: columns by name, others are left out.
func (in input) csv() ([]placed, error) {
	r := csv.NewReader(bytes.NewReader(in.data))
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		return nil, in.bad(1, "%v", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "interface", "interfacealias":
			columns["interface"] = i + 1
		case "destination", "destinationprefix":
			columns["destination"] = i + 1
		case "next_hop", "nexthop":
			columns["next_hop"] = i + 1
		case "metric", "routemetric":
			columns["metric"] = i + 1
		}
	}
	for _, name := range []string{"interface", "destination", "next_hop"} {
		if columns[name] == 0 {
			return nil, in.bad(1, "the header has no column %s", name)
		}
	}
	var out []placed
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, in.bad(0, "%v", err)
		}
		line, _ := r.FieldPos(0)
		p := placed{change.Item{Interface: row[columns["interface"]-1], Destination: row[columns["destination"]-1], NextHop: row[columns["next_hop"]-1]}, in.at(line)}
		if n := columns["metric"]; n > 0 && strings.TrimSpace(row[n-1]) != "" {
			metric, err := strconv.ParseInt(strings.TrimSpace(row[n-1]), 10, 64)
			if err != nil {
				return nil, in.bad(line, "metric %.64q is not a number", row[n-1])
			}
			p.Metric = &metric
		}
		out = append(out, p)
	}
}
