package hostvm

import (
	"context"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/routes"
)

// Compose overlays a provider's facts with what the operator declares. The
// provider may be nil: then everything is declared. So may the declarations:
// then there are no nodes.
func Compose(provider Inventory, declared Declarations) Inventory {
	c := &composed{provider: provider, declared: declared, seen: portSwitches{}}
	c.renew()
	return c
}

type composed struct {
	latest.Value[Snapshot]
	provider Inventory
	declared Declarations
	seen     portSwitches
}

// Run implements Inventory. It runs the provider and the declarations, too.
func (c *composed) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	var facts, declarations func() <-chan struct{}
	never := func() <-chan struct{} { return nil }
	facts, declarations = never, never
	if c.provider != nil {
		facts = c.provider.Changed
		group.Go(func() error { return c.provider.Run(ctx) })
	}
	if c.declared != nil {
		declarations = c.declared.Changed
		group.Go(func() error { return c.declared.Run(ctx) })
	}
	group.Go(func() error {
		for {
			a, b := facts(), declarations()
			c.renew()
			select {
			case <-ctx.Done():
				return nil
			case <-a:
			case <-b:
			}
		}
	})
	return group.Wait()
}

func (c *composed) renew() {
	raw, declared := &Snapshot{}, &Declared{}
	if c.provider != nil {
		raw = c.provider.Current()
	}
	if c.declared != nil {
		declared = c.declared.Declared()
	}
	snap := merge(raw, declared, c.seen, c.provider == nil)
	if old := c.Current(); old == nil || !reflect.DeepEqual(old, snap) {
		c.Set(snap)
	}
}

// merge puts the declarations over the facts. alone says that there is no provider.
func merge(raw *Snapshot, declared *Declared, seen portSwitches, alone bool) *Snapshot {
	snap := &Snapshot{
		Problem: raw.Problem, Nodes: declared.Nodes, PortProblems: raw.PortProblems,
		Ports: slices.Clone(raw.Ports), Protected: slices.Clone(raw.Protected), Diagnostics: slices.Clone(raw.Diagnostics),
	}
	if declared.Problem != "" {
		snap.Diagnostics = append(snap.Diagnostics, Diagnostic{declared.Problem, "Correct it there: it is read again by itself. Until then the service does not start again with this file.", true})
	}
	if declared.Exposed != "" {
		snap.Diagnostics = append(snap.Diagnostics, Diagnostic{Problem: declared.Exposed, Remedy: "Do that on the device: the file says where the agents are, and what is protected."})
	}
	var lacking []DeclaredPort
	for _, d := range declared.Ports {
		i := slices.IndexFunc(snap.Ports, sameAs(snap, d.Alias))
		if i < 0 && !alone {
			lacking = append(lacking, d)
		}
		switch {
		case i >= 0:
			snap.Ports[i] = d.over(snap.Ports[i])
		case alone || d.Addressing != nil:
			snap.Ports = append(snap.Ports, d.over(routes.Port{}))
		default:
			snap.Diagnostics = append(snap.Diagnostics, Diagnostic{
				Problem: "the inventory file declares " + d.Alias + ", but the device has no such interface",
				Remedy:  "Give the device that interface back, or correct the alias in the inventory file or leave the entry out.",
			})
		}
		for _, a := range d.Addresses {
			snap.Protected = append(snap.Protected, routes.ProtectAddr(routes.ProtectedHost, a.Addr(), d.Alias))
		}
	}
	judgeSwitches(snap, seen.note(snap, lacking))
	if !alone && raw.Problem == "" {
		snap.Diagnostics = append(snap.Diagnostics, missingSwitches(snap)...)
	}
	for _, n := range snap.Nodes {
		for _, nic := range n.NICs {
			for _, a := range nic.Addresses {
				snap.Protected = append(snap.Protected, routes.ProtectAddr(routes.ProtectedNode, a.Addr(), n.Name))
			}
		}
	}
	snap.Ports = slices.DeleteFunc(snap.Ports, func(p routes.Port) bool {
		// Members of switches and interfaces without address are of no interest.
		return p.Role == routes.PortRoleHost && (p.Carrier != "" || len(p.Addresses) == 0)
	})
	return snap
}

func sameAs(snap *Snapshot, alias string) func(routes.Port) bool {
	found, ok := snap.Port(alias)
	return func(p routes.Port) bool { return ok && p.Alias == found.Alias }
}

// missingSwitches names the switches of nodes that the device does not have: a
// name that is misspelled leaves a port's routes without a NIC, or the internal
// network unprotected.
func missingSwitches(snap *Snapshot) (problems []Diagnostic) {
	seen := map[string]bool{}
	for _, p := range snap.Ports {
		seen[p.Switch], seen[p.Alias] = true, true
	}
	for _, n := range snap.Nodes {
		for _, nic := range n.NICs {
			if !seen[nic.Switch] {
				seen[nic.Switch] = true
				problems = append(problems, Diagnostic{
					Problem: "the inventory file has a NIC of " + n.Name + " on the switch " + nic.Switch + ", but the device has no such switch",
					Remedy:  "Write the switch into the inventory file as the device names it ('ip -br link show type bridge'), or give the device that switch.",
				})
			}
		}
	}
	return problems
}
