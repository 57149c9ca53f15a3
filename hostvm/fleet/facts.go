package fleet

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// factsCache keeps the facts of each alias until the inventory or a node's
// NICs change, because a batch asks for the same few aliases again and again.
type factsCache struct {
	mu      sync.Mutex
	snap    *hostvm.Snapshot
	byAlias map[string]routes.Facts
}

// maxFacts bounds the cache against callers that invent aliases.
const maxFacts = 256

func (c *factsCache) forget() {
	c.mu.Lock()
	c.snap, c.byAlias = nil, nil
	c.mu.Unlock()
}

// Facts implements Fleet. Its slices are shared: not to be changed.
func (m *Manager) Facts(alias string) routes.Facts {
	snap := m.opts.Inventory.Current()
	folded := routes.FoldAlias(alias)
	c := &m.facts
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snap != snap || len(c.byAlias) >= maxFacts {
		c.snap, c.byAlias = snap, map[string]routes.Facts{}
	}
	f, ok := c.byAlias[folded]
	if !ok {
		f = m.gather(snap, alias)
		c.byAlias[folded] = f
	}
	return f
}

func (m *Manager) gather(snap *hostvm.Snapshot, alias string) routes.Facts {
	f := routes.Facts{Known: snap.Problem == "", Problem: snap.Problem}
	if p := snap.PortProblems[routes.FoldAlias(alias)]; p != "" {
		f.Known, f.Problem = false, p
	}
	for _, p := range snap.Ports {
		if p.TakesRoutes() {
			f.Ports = append(f.Ports, p.Alias)
		}
	}
	slices.SortFunc(f.Ports, func(a, b string) int { return strings.Compare(routes.FoldAlias(a), routes.FoldAlias(b)) })
	f.Port, f.Found = snap.Port(alias)
	f.Protected = slices.Clone(snap.Protected)
	nets := map[string][]netip.Prefix{}
	for _, n := range snap.Nodes {
		for _, nic := range n.NICs {
			if _, ok := nets[nic.Switch]; !ok {
				nets[nic.Switch] = snap.Subnets(nic.Switch)
			}
		}
	}
	for _, n := range m.all() {
		l := n.lock()
		nics, table, guards := l.nicFacts(f.Port.Switch, nets)
		n.unlock()
		if f.NICs = append(f.NICs, nics...); len(nics) > 0 {
			f.Tables = append(f.Tables, table)
		}
		for _, g := range guards {
			if !slices.Contains(f.Protected, g) { // the inventory may have declared it
				f.Protected = append(f.Protected, g)
			}
		}
	}
	return f
}

// nicFacts are the node's NICs on a switch, as its agent reports or the inventory
// declares them, and its table and addresses as its agent reports them. What the
// agent reports is a claim, and counts where it fits the inventory's subnets.
func (l *ledger) nicFacts(sw string, nets map[string][]netip.Prefix) (nics []routes.NodeNIC, table routes.NodeTable, guards []routes.Protected) {
	table.Node = l.name
	if !l.listed {
		return nil, table, nil
	}
	for _, nic := range l.inv.NICs {
		reported := routes.NodeNIC{MAC: nic.MAC, Addresses: nic.Addresses}
		if link, ok := l.linkByMAC(nic.MAC); ok {
			reported, _ = fitting(link.NodeNIC, nets[nic.Switch])
			reported.Claimed = slices.DeleteFunc(slices.Clone(reported.Addresses), func(a netip.Prefix) bool { return slices.Contains(nic.Addresses, a) })
			for _, c := range reported.Connected {
				table.Connected = append(table.Connected, c.Prefix)
			}
			for _, a := range reported.Addresses {
				table.Own = append(table.Own, a.Addr())
				// A single address that no subnet of the inventory has would
				// refuse, on one node's word, all routes that cover it.
				if fits(a, nets[nic.Switch]) && !a.Addr().IsLinkLocalUnicast() && !a.Addr().IsLoopback() {
					guards = append(guards, routes.ProtectAddr(routes.ProtectedNode, a.Addr(), l.name))
				}
			}
		}
		if reported.Node = l.name; nic.Switch == sw && sw != "" {
			nics = append(nics, reported)
		}
	}
	return nics, table, guards
}

// linkByMAC finds a link that the agent reported.
func (l *ledger) linkByMAC(mac string) (Link, bool) {
	for _, link := range l.links {
		if strings.EqualFold(link.MAC, mac) {
			return link, true
		}
	}
	return Link{}, false
}
