package hostvm

import (
	"context"
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

// Declarations are what an operator declares of the device; package file reads them.
type Declarations interface {
	// Declared returns the newest good declarations, without I/O; immutable.
	Declared() *Declared
	// Changed returns a channel that is closed when there are newer ones.
	Changed() <-chan struct{}
	// Run keeps them new until ctx ends.
	Run(ctx context.Context) error
}

// Declared is a moment of the declarations.
type Declared struct {
	Ports []DeclaredPort
	Nodes []Node
	// Problem says why the newest edit is not in force; empty when it is.
	Problem string
	// Exposed says how others than the operator can edit; empty when nobody can.
	Exposed string
}

// DeclaredPort overlays what a provider knows of a port. Nil fields are not declared.
type DeclaredPort struct {
	Alias      string
	MAC        *string
	Up         *bool
	Role       *routes.PortRole
	Addressing *routes.Addressing
	Addresses  []netip.Prefix
	Team       *string
	Switch     *string
}

// over puts what is declared over what is known.
func (d DeclaredPort) over(p routes.Port) routes.Port {
	if routes.FoldAlias(p.Alias) != routes.FoldAlias(d.Alias) && p.Alias != "" {
		p.AltNames = append([]string{p.Alias}, p.AltNames...)
	}
	p.Alias = d.Alias
	override(&p.MAC, d.MAC)
	if d.Up != nil {
		p.Link = routes.LinkStateOf(*d.Up)
	}
	override(&p.Addressing, d.Addressing)
	override(&p.Team, d.Team)
	override(&p.Switch, d.Switch)
	if d.Addresses != nil {
		p.Addresses = d.Addresses
	}
	switch {
	case d.Role != nil:
		p.Role = *d.Role
	case p.Role == routes.PortRoleHost && !loopback(p):
		p.Role = routes.PortRoleData // that it is declared says that it is a port
	}
	return p
}

func override[T any](have *T, declared *T) {
	if declared != nil {
		*have = *declared
	}
}

func loopback(p routes.Port) bool {
	for _, a := range p.Addresses {
		if a.Addr().IsLoopback() {
			return true
		}
	}
	return false
}
