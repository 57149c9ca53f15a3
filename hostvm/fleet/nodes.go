package fleet

import (
	"cmp"
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
	infos, snap, stored := make([]NodeInfo, 0, len(list)), m.opts.Inventory.Current(), m.opts.Store.Info().Version.Count
	for _, n := range list {
		infos = append(infos, n.info(snap, stored))
	}
	return infos
}

func (n *node) info(snap *hostvm.Snapshot, stored uint64) NodeInfo {
	l := n.lock()
	defer n.unlock()
	i := l.info(snap, stored)
	i.ID = n.id
	return i
}

func (l *ledger) info(snap *hostvm.Snapshot, stored uint64) NodeInfo {
	i := NodeInfo{
		Node: l.inv, Known: l.known, Gone: !l.listed, Connected: l.live != nil, LastReport: l.lastReport,
		Repairs: l.counters.repairs, Writes: l.counters.writes, Agent: l.agent, Kernel: l.kernel,
	}
	i.Name = l.name
	var problems, remedies []string
	for _, f := range l.faults(snap) {
		problems = append(problems, f.problem)
		if !slices.Contains(remedies, f.remedy) {
			remedies = append(remedies, f.remedy)
		}
	}
	i.Problem, i.Remedy = strings.Join(problems, "; "), strings.Join(remedies, " ")
	if l.live != nil {
		i.Certificate = l.live.certificate
	}
	if !l.lastReport.IsZero() && l.carried.Epoch == l.epoch.Load() {
		i.Revision = l.carried.Revision
	}
	if l.carriedOut(l.carried.Revision) && !l.stale {
		i.Programmed = l.carried.Count
		l.count(&i)
	} else {
		i.Waiting = stored // as each route's status says
	}
	for _, link := range l.links {
		link.Node, link.Port = l.name, l.portOf(link.MAC)
		i.Links = append(i.Links, link)
	}
	return i
}

// fault is something that an operator must know of a node, and a sentence about
// what to do.
type fault struct{ problem, remedy string }

// faults are what an operator must know of the node.
func (l *ledger) faults(snap *hostvm.Snapshot) (all []fault) {
	switch {
	case l.live != nil:
		all = l.complaints(snap)
	case !l.listed:
		all = append(all, fault{"the inventory does not list it any more", fmt.Sprintf("List it again, or run 'hcsroute nodes forget %s' if it is gone for good.", l.name)})
	case l.inv.State == hostvm.NodeStopped:
	case l.problem != l.accused.what: // else it comes below
		all = append(all, l.absence())
	}
	if l.accused.what != "" {
		all = append(all, fault{l.accused.String(), fmt.Sprintf("Find out why; then 'hcsroute nodes adopt %s' ends this.", l.name)})
	}
	return all
}

// absence is why a node that is to have a session has none.
func (l *ledger) absence() fault {
	remedy := "See 'systemctl status hcsroute-agent' in the node, and whether the node's endpoint in the inventory file is where its agent listens. Declare a node that is to stay off 'state: stopped' there."
	switch {
	case l.inv.Endpoint == "":
		remedy = "Write the address of its agent as the node's endpoint into the inventory file."
	case l.remedy != "":
		remedy = strings.TrimSuffix(l.remedy, ".") + "."
	}
	return fault{l.noSession(), remedy}
}

// complaints are what is wrong with a node that has a session.
func (l *ledger) complaints(snap *hostvm.Snapshot) (all []fault) {
	if l.stale {
		stale, _ := routes.InfoOfCause(string(routes.Stale))
		all = append(all, fault{l.silence(), stale.Remedy})
	}
	for _, a := range l.alarms {
		all = append(all, fault{a.text, a.kind.Remedy()})
	}
	if misfits := l.misfits(snap); misfits != "" {
		all = append(all, fault{misfits, "Correct the addresses in the node, or those in the inventory file; where both are as they shall be, nothing needs to be done."})
	}
	if l.unstored > 0 {
		all = append(all, fault{fmt.Sprintf("its agent reported %d routes that are not stored; that was dropped", l.unstored), "See 'journalctl -u hcsroute-agent' in the node, and install the same release on the device and there."})
	}
	return all
}

// count takes the exceptions off the programmed ones.
func (l *ledger) count(i *NodeInfo) {
	for _, e := range l.exceptions {
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

// portOf is the alias of the port behind a NIC; empty where none is.
func (l *ledger) portOf(mac string) string {
	for folded, have := range l.macs {
		if have != "" && strings.EqualFold(have, mac) {
			return l.ports.name(folded)
		}
	}
	return ""
}

// Find is the node with a name or id, without regard to case; NOT_FOUND names
// those that there are.
func Find(nodes []NodeInfo, given string) (NodeInfo, error) {
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if strings.EqualFold(n.ID, given) || strings.EqualFold(n.Name, given) {
			return n, nil
		}
		names = append(names, n.Name)
	}
	slices.Sort(names)
	list := strings.Join(names, ", ")
	return NodeInfo{}, &routes.Error{
		Reason: routes.NotFound, Field: "node", Value: fmt.Sprintf("%.64q", given), Problem: "no such node",
		Action: "Use one of: " + cmp.Or(list, "none is known yet"), Params: map[string]string{"nodes": list},
	}
}

func (m *Manager) find(given string) (*node, error) {
	list := m.all()
	infos := make([]NodeInfo, len(list))
	for i, n := range list {
		infos[i].ID, infos[i].Name = n.id, n.title()
	}
	info, err := Find(infos, given)
	if err != nil {
		return nil, err
	}
	return list[slices.IndexFunc(list, func(n *node) bool { return n.id == info.ID })], nil
}

// Adopt implements Fleet: it is in force until the node has reported this
// store's set, or the process ends. An accusation ends with it at once.
// NOT_FOUND for an unknown node.
func (m *Manager) Adopt(_ context.Context, node string) error {
	n, err := m.find(node)
	if err != nil {
		return err
	}
	l := n.lock()
	l.adopt = l.live == nil // a live session is of this store already
	l.accused = accusation{}
	n.unlock()
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

// forget reports whether nothing holds the node any more.
func (n *node) forget() bool {
	l := n.lock()
	defer n.unlock()
	l.known = false
	return !l.listed
}
