package cli

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// object writes v, a value with JSON tags, as the one object of -o json or -o yaml.
func (a *app) object(v any) error {
	if a.output != "yaml" {
		return a.json(v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	// JSON is YAML: reading it as nodes keeps the order of the fields.
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	block(&node)
	a.written = true
	e := yaml.NewEncoder(a.Out)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return err
	}
	return e.Close()
}

// block turns JSON's style into YAML's.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}

// structured reports whether the output is one object for programs.
func (a *app) structured() bool { return a.output == "json" || a.output == "yaml" }
