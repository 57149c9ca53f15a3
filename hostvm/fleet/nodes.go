package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// Nodes implements Fleet.
func (m *Manager) Nodes() []NodeInfo {
	list := m.all()
	infos := make([]NodeInfo, 0, len(list))
	for _, n := range list {
		infos = append(infos, n.info())
	}
	return infos
}

func (n *node) info() NodeInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := NodeInfo{
		Node: n.inv, Known: n.known, Gone: !n.listed, Connected: n.live != nil, LastReport: n.lastReport,
		Repairs: n.counters.repairs, Writes: n.counters.writes, Agent: n.agent, Kernel: n.kernel,
	}
	i.ID, i.Name = n.id, n.name
	var problems, remedies []string
	for _, f := range n.faults() {
		problems = append(problems, f.problem)
		if !slices.Contains(remedies, f.remedy) {
			remedies = append(remedies, f.remedy)
		}
	}
	i.Problem, i.Remedy = strings.Join(problems, "; "), strings.Join(remedies, " ")
	if n.live != nil {
		i.Certificate = n.live.certificate
	}
	if n.carriedOut(n.carried.Revision) {
		i.Revision, i.Programmed = n.carried.Revision, n.carried.Count
		n.count(&i)
	}
	for _, link := range n.links {
		link.Node, link.Port = n.name, n.portOf(link.MAC)
		i.Links = append(i.Links, link)
	}
	return i
}

// fault is something that an operator must know of a node, and a sentence about
// what to do.
type fault struct{ problem, remedy string }

// faults are what an operator must know of the node. Needs mu.
func (n *node) faults() (all []fault) {
	switch {
	case n.live != nil:
		all = n.complaints()
	case !n.listed:
		all = append(all, fault{"the inventory does not list it any more", fmt.Sprintf("List it again, or run 'hcsroute nodes forget %s' if it is gone for good.", n.name)})
	case n.inv.State == hostvm.NodeStopped:
	case n.problem != n.accused.what: // else it comes below
		all = append(all, n.absence())
	}
	if n.accused.what != "" {
		all = append(all, fault{n.accused.String(), fmt.Sprintf("Find out why; then 'hcsroute nodes adopt %s' ends this.", n.name)})
	}
	return all
}

// absence is why a node that is to have a session has none. Needs mu.
func (n *node) absence() fault {
	remedy := "See 'systemctl status hcsroute-agent' in the node, and whether the node's endpoint in the inventory file is where its agent listens."
	switch {
	case n.inv.Endpoint == "":
		remedy = "Write the address of its agent as the node's endpoint into the inventory file."
	case n.remedy != "":
		remedy = strings.TrimSuffix(n.remedy, ".") + "."
	}
	return fault{n.noSession(), remedy}
}

// complaints are what is wrong with a node that has a session. Needs mu.
func (n *node) complaints() (all []fault) {
	const log = "See 'journalctl -u hcsroute-agent' in the node."
	if n.stale {
		stale, _ := routes.InfoOfCause(string(routes.Stale))
		all = append(all, fault{n.silence(), stale.Remedy})
	}
	if n.alarm != "" {
		all = append(all, fault{n.alarm, log})
	}
	if misfits := n.misfits(n.m.opts.Inventory.Current()); misfits != "" {
		all = append(all, fault{misfits, "Correct the addresses in the node, or those in the inventory file; where both are as they shall be, nothing needs to be done."})
	}
	if n.unstored > 0 {
		all = append(all, fault{fmt.Sprintf("its agent told of %d routes that are not stored; that was dropped", n.unstored), log})
	}
	return all
}

// count takes the exceptions off the programmed ones. Needs mu.
func (n *node) count(i *NodeInfo) {
	for _, e := range n.exceptions {
		switch e.state {
		case routes.Waiting:
			i.Waiting++
		case routes.Failed:
			i.Failed++
		default:
			continue
		}
		if i.Programmed > 0 {
			i.Programmed--
		}
	}
}

// portOf is the alias of the port behind a NIC; empty where none is. Needs mu.
func (n *node) portOf(mac string) string {
	for folded, have := range n.macs {
		if have != "" && strings.EqualFold(have, mac) {
			return n.m.ports.name(folded)
		}
	}
	return ""
}

// find returns the node with that id or name.
func (m *Manager) find(node string) (*node, error) {
	for _, n := range m.all() {
		if n.id == node || strings.EqualFold(n.title(), node) {
			return n, nil
		}
	}
	return nil, &routes.Error{Reason: routes.NotFound, Field: "node", Value: node, Problem: "no such node", Action: "'hcsroute nodes' lists them"}
}

// Adopt implements Fleet: it is in force until the node has reported this
// store's set, or the process ends. An accusation ends with it at once.
// NOT_FOUND for an unknown node.
func (m *Manager) Adopt(_ context.Context, node string) error {
	n, err := m.find(node)
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.adopt = n.live == nil // a live session is of this store already
	n.accused = accusation{}
	n.mu.Unlock()
	n.changed.raise()
	return nil
}

// Forgotten implements Fleet. A node that the inventory lists becomes known
// again with its next session.
func (m *Manager) Forgotten(ctx context.Context, id string) {
	if err := m.takeKnown(ctx); err != nil {
		m.log.Error("a forgotten node is still taken for known", "node", id, "problem", err)
	}
}

// forget tells whether nothing holds the node any more.
func (n *node) forget() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known = false
	return !n.listed
}
