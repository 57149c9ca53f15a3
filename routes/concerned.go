package routes

import "slices"

// concerned are the nodes, in the order of the facts, of whose NICs something
// holds.
type concerned struct {
	nodes []string
	all   bool // every node of the port, and there are several: none needs a name
}

// concerned looks at every NIC: a node with several on the port's switches is one
// of which it holds where it does of any of them.
func (f *Facts) concerned(holds func(NodeNIC) bool) (c concerned) {
	for _, nic := range f.NICs {
		if !slices.Contains(c.nodes, nic.Node) && holds(nic) {
			c.nodes = append(c.nodes, nic.Node)
		}
	}
	c.all = len(c.nodes) > 1 && !slices.ContainsFunc(f.NICs, func(nic NodeNIC) bool { return !slices.Contains(c.nodes, nic.Node) })
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
	return "the nodes " + Few(c.nodes) + " " + several
}

// on says where, after what is there.
func (c concerned) on() string {
	if c.all {
		return ""
	}
	return " on " + Few(c.nodes)
}
