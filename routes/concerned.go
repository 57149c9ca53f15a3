package routes

import (
	"slices"
	"strings"
)

// concerned are the nodes, in the order of the facts, of whose NICs something
// holds.
type concerned struct {
	nodes []string
	all   bool // every node of the port, and there are several: none needs a name
}

func (f *Facts) concerned(holds func(NodeNIC) bool) (c concerned) {
	c.all = true
	for _, nic := range f.NICs {
		if slices.Contains(c.nodes, nic.Node) {
			continue
		}
		if holds(nic) {
			c.nodes = append(c.nodes, nic.Node)
		} else {
			c.all = false
		}
	}
	c.all = c.all && len(c.nodes) > 1
	return c
}

// names are those that a text must give.
func (c concerned) names() []string {
	if c.all {
		return nil
	}
	return c.nodes
}

// say makes a sentence of them, with the verb for one or for several.
func (c concerned) say(one, several string) string {
	switch {
	case c.all:
		return "the nodes " + several
	case len(c.nodes) == 1:
		return "node " + c.nodes[0] + " " + one
	}
	return "the nodes " + strings.Join(c.nodes, ", ") + " " + several
}

// on says where, after what is there.
func (c concerned) on() string {
	if c.all {
		return ""
	}
	return " on " + strings.Join(c.nodes, ", ")
}
