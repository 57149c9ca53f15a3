package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml reads lists of routes, alone or under "routes", from every document of
// the file.
func (in input) yaml() ([]placed, error) {
	d := yaml.NewDecoder(bytes.NewReader(in.data))
	var out []placed
	for n := 1; ; n++ {
		var doc yaml.Node
		err := d.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF) && n == 1:
			return nil, in.bad(0, "there is nothing in it")
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, in.bad(0, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		list, err := in.document(doc.Content[0])
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
}

// document reads one YAML document.
func (in input) document(list *yaml.Node) ([]placed, error) {
	named := list.Kind == yaml.MappingNode
	var count *yaml.Node
	if named {
		var err error
		if list, count, err = in.around(list); err != nil {
			return nil, err
		}
	}
	empty := list.Kind == yaml.SequenceNode && len(list.Content) == 0
	switch {
	case list.Kind == yaml.ScalarNode && list.Tag == "!!null", empty && !named:
		return nil, in.none(list.Line)
	case list.Kind != yaml.SequenceNode:
		return nil, in.bad(list.Line, "expected a list of routes")
	case list.Style&yaml.FlowStyle == 0 && !bytes.HasSuffix(in.data, []byte("\n")):
		return nil, in.cut()
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
	if count != nil {
		if err := in.counted(count.Value, count.Line, len(out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// around reads what stands around a list; count is nil where there is none.
func (in input) around(object *yaml.Node) (list, count *yaml.Node, err error) {
	values := map[string]*yaml.Node{}
	for i := 0; i < len(object.Content); i += 2 {
		key := object.Content[i]
		if values[key.Value] != nil {
			return nil, nil, in.bad(key.Line, "%.64s is given twice", key.Value)
		}
		values[key.Value] = object.Content[i+1]
	}
	list, count = values["routes"], values["count"]
	delete(values, "count")
	if list == nil || len(values) > 1 {
		return nil, nil, in.bad(object.Line, "expected a list of routes, or routes: and nothing beside it but their count:")
	}
	return list, count, nil
}

func (in input) knownKeys(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return in.bad(n.Line, "expected a route")
	}
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; !strings.Contains(routeKeys, " "+key.Value+" ") {
			return in.bad(key.Line, "a route has no field %.64q", key.Value)
		}
	}
	return nil
}
