package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// document is the file as it is written.
type document struct {
	Ports []port `yaml:"ports"`
	Nodes []node `yaml:"nodes"`
}

type port struct {
	line       int
	Alias      string    `yaml:"alias"`
	MAC        *string   `yaml:"mac"`
	Up         *bool     `yaml:"up"`
	Role       *string   `yaml:"role"`
	Addressing *string   `yaml:"addressing"`
	Addresses  *[]string `yaml:"addresses"`
	Team       *string   `yaml:"team"`
	Switch     *string   `yaml:"switch"`
}

type node struct {
	line     int
	Name     string `yaml:"name"`
	ID       string `yaml:"id"`
	Role     string `yaml:"role"`
	State    string `yaml:"state"`
	Endpoint string `yaml:"endpoint"`
	NICs     []nic  `yaml:"nics"`
}

type nic struct {
	line      int
	MAC       string   `yaml:"mac"`
	Switch    string   `yaml:"switch"`
	Addresses []string `yaml:"addresses"`
}

// The decoder hides lines from plain structs, so each entry takes its own, and
// its keys are checked here.

func (d *document) UnmarshalYAML(source *yaml.Node) error {
	type plain document
	return decode(source, (*plain)(d), "ports nodes")
}

func (p *port) UnmarshalYAML(source *yaml.Node) error {
	type plain port
	p.line = source.Line
	return decode(source, (*plain)(p), "alias mac up role addressing addresses team switch")
}

func (n *node) UnmarshalYAML(source *yaml.Node) error {
	type plain node
	n.line = source.Line
	return decode(source, (*plain)(n), "name id role state endpoint nics")
}

func (c *nic) UnmarshalYAML(source *yaml.Node) error {
	type plain nic
	c.line = source.Line
	return decode(source, (*plain)(c), "mac switch addresses")
}

func decode(n *yaml.Node, into any, known string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: an entry with keys (%s) is expected here", n.Line, strings.ReplaceAll(known, " ", ", "))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !strings.Contains(" "+known+" ", " "+key.Value+" ") {
			return fmt.Errorf("line %d: unknown key %q; known here: %s", key.Line, key.Value, strings.ReplaceAll(known, " ", ", "))
		}
		if value.ShortTag() == "!!null" { // also where the file was cut
			return fmt.Errorf("line %d: %q has no value; leave it out, or write [] for an empty list", key.Line, key.Value)
		}
	}
	return n.Decode(into)
}

// Parse reads the content of an inventory file. Its errors name the line.
func Parse(content []byte) (*hostvm.Declared, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var doc document
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && doc.Ports == nil && doc.Nodes == nil {
		return nil, errors.New("the file says nothing; write ports: [] and nodes: [] where there are none")
	}
	if err != nil {
		return nil, errors.New(whereIn(content, err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document; write everything into the first")
	}
	declared := &hostvm.Declared{}
	seen := unique{}
	for _, p := range doc.Ports {
		port, err := p.check(seen)
		if err != nil {
			return nil, err
		}
		declared.Ports = append(declared.Ports, port)
	}
	for _, n := range doc.Nodes {
		node, err := n.check(seen)
		if err != nil {
			return nil, err
		}
		declared.Nodes = append(declared.Nodes, node)
	}
	return declared, nil
}

// whereIn is the decoder's error, with the line first where it is known.
func whereIn(content []byte, err error) string {
	var mismatch *yaml.TypeError
	if errors.As(err, &mismatch) {
		return strings.Join(mismatch.Errors, "; ")
	}
	text := func(err error) string {
		return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")
	}
	lined := func(text string) bool { return strings.HasPrefix(text, "line ") }
	plain := text(err)
	// The decoder leaves out the number of the first line, and of that only.
	if moved := yaml.Unmarshal(append([]byte("\n"), content...), new(document)); !lined(plain) && moved != nil && lined(text(moved)) {
		return "line 1: " + plain
	}
	return plain
}

// unique remembers where what must be unique was first.
type unique map[string]int

func (u unique) add(line int, what, value string) error {
	key := what + "\x00" + routes.FoldAlias(value)
	if first, ok := u[key]; ok {
		return fmt.Errorf("line %d: the %s %q is in line %d already", line, what, value, first)
	}
	u[key] = line
	return nil
}

func prefixes(line int, list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("line %d: address %q; write it with its prefix length, such as 192.168.20.11/24", line, s)
		}
		out = append(out, p)
	}
	return out, nil
}
