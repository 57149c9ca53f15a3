// Package fleet keeps one session with the agent in each Kubernetes VM, and
// knows from them what each kernel holds.
package fleet

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// Dialer connects to agents.
type Dialer interface {
	// Dial connects to an endpoint and proves that the other side is node id.
	// A connection whose proof can end is a Proven.
	Dial(ctx context.Context, endpoint, id string) (net.Conn, error)
}

// Proven is a connection that counts only while its peer's proof holds.
type Proven interface {
	// Leaf is the certificate that the peer has shown.
	Leaf() *x509.Certificate
	// Watch calls fail when the proof has ended; it returns then, or with ctx.
	Watch(ctx context.Context, fail func(error))
}

// Fleet is what the service needs of the sessions. *Manager implements it.
type Fleet interface {
	// Facts is what routes.Check needs for a port.
	Facts(alias string) routes.Facts
	// Inventory is the newest snapshot.
	Inventory() *hostvm.Snapshot
	// Status is a record's status on each node, by node name.
	Status(rec routes.Record) []routes.NodeStatus
	// Wait returns when every node that must have carried out what is awaited
	// has (Reached), or with what is late when ctx ends or a node failed.
	Wait(ctx context.Context, a Awaited) Waited
	// StatusChanges returns the routes whose status may have changed since
	// position pos, the next position, and a channel that is closed when there
	// are more. all is true when every route may have changed.
	StatusChanges(pos uint64) (keys []routes.Key, all bool, next uint64, changed <-chan struct{})
	// Nodes lists the inventory's and the known nodes.
	Nodes() []NodeInfo
	// Explain asks nodes for the path to an address; no names: all.
	Explain(ctx context.Context, a netip.Addr, names []string) ([]Path, error)
	// Adopt lets the next session take over a node of another store, and ends
	// an accusation of the node.
	Adopt(ctx context.Context, node string) error
	// Losses asks the nodes that proved a loss of the store what they hold.
	Losses(ctx context.Context) ([]Difference, error)
	// Forgotten is called when a node was forgotten in the store.
	Forgotten(ctx context.Context, id string)
}

// Awaited is what somebody waits for: that the nodes have carried out a
// revision, and what has become of the routes of interest there.
type Awaited struct {
	Revision routes.Revision
	// Keys are the routes that are to be in the kernels, Gone those that are
	// not to be there any more; none of either: all that is stored.
	Keys, Gone []routes.Key
}

// Waited is the end of a wait.
type Waited struct {
	Reached bool
	// Late are the statuses that are missing: one for each node, and at least
	// one unless Reached.
	Late []routes.NodeStatus
	// Waiting are those that nobody waits for, because they cannot be yet: the
	// node is declared stopped or has no NIC on the port's switch, or there is
	// no node at all (one status without a node's name).
	Waiting []routes.NodeStatus
}

// NodeInfo is a node as the fleet sees it.
type NodeInfo struct {
	hostvm.Node
	Known      bool
	Gone       bool // not in the inventory any more
	Connected  bool
	Revision   routes.Revision // carried out; of a session that is over or silent, as it was when last seen
	Programmed uint64
	Waiting    uint64
	Failed     uint64
	LastReport time.Time
	Repairs    uint64
	Writes     uint64 // kernel writes since the agent started
	Problem    string
	Remedy     string // what to do about it
	Agent      string // version
	Kernel     string
	// Certificate is what the agent of the session has shown; nil for none.
	Certificate *x509.Certificate
	// Links are the NICs as the agent reports them.
	Links []Link
}

// Link is a NIC as the node's agent reports it.
type Link struct {
	routes.NodeNIC
	Name string
	Port string // alias of the device port behind it; empty where none
	Up   bool
}

// Path is the route that a node's kernel takes for a packet.
type Path struct {
	Node        string
	Destination string
	NextHop     string
	Link        string
	Interface   string
	Source      string
	Metric      uint32
	Protocol    string
	Ours        bool
	Problem     string
}
