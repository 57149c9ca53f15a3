// Package hostvm knows the device's ports and Kubernetes VMs: the inventory.
// Package fleet keeps the sessions with the agents in them.
package hostvm

import (
	"context"
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

// Inventory is what is known of the device now. Its providers are linux (or
// hyperv) for facts, overlaid by file for what an operator declares.
type Inventory interface {
	// Current returns the newest snapshot, without I/O. It is immutable.
	Current() *Snapshot
	// Changed returns a channel that is closed when a newer snapshot exists.
	Changed() <-chan struct{}
	// Run keeps the snapshots new until ctx ends.
	Run(ctx context.Context) error
}

// Snapshot is a moment of the inventory.
type Snapshot struct {
	// Problem says why the ports' facts are unknown; empty when they are known.
	Problem string
	Ports   []routes.Port
	Nodes   []Node
	// PortProblems says, by folded alias, why a port cannot be used although
	// it may exist, such as two links that bear the same alias.
	PortProblems map[string]string
	// Protected are the host's and nodes' own addresses and the internal switch.
	Protected []routes.Protected
	// Diagnostics say what is wrong without making the facts unknown.
	Diagnostics []Diagnostic
}

// Diagnostic is something wrong with the inventory, and a sentence about what to do.
type Diagnostic struct {
	Problem, Remedy string
	// Refused: the newest edit of the inventory file cannot be used, see Problem.
	Refused bool
}

// Port finds the port that an alias names, without regard to case: by alias
// first, by the other names of a port then.
func (s *Snapshot) Port(alias string) (routes.Port, bool) {
	folded := routes.FoldAlias(alias)
	for _, p := range s.Ports {
		if routes.FoldAlias(p.Alias) == folded {
			return p, true
		}
	}
	for _, p := range s.Ports {
		for _, name := range p.AltNames {
			if routes.FoldAlias(name) == folded {
				return p, true
			}
		}
	}
	return routes.Port{}, false
}

// NodeState is what the inventory says of a VM.
type NodeState string

// The states of a VM. Auto: the inventory does not know; a session shows it.
const (
	NodeRunning NodeState = "running"
	NodeStopped NodeState = "stopped"
	NodeAuto    NodeState = "auto"
)

// Node is a Kubernetes VM.
type Node struct {
	ID    string // the name in its agent's certificate
	Name  string
	Role  string // master or worker
	State NodeState
	NICs  []NIC
	// Endpoint is where its agent listens: unix:///path, tcp://host:port
	// (mutual TLS), hvsock://vm-id:port, vsock://cid:port.
	Endpoint string
}

// NIC is a network adapter of a node.
type NIC struct {
	MAC       string
	Switch    string // name of the virtual switch
	Addresses []netip.Prefix
}
