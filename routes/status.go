package routes

import (
	"cmp"
	"time"
)

// State is what a route is at on one node, or on the worst of its nodes.
type State string

// The states, from the best to the worst.
const (
	Programmed State = "PROGRAMMED"
	Waiting    State = "WAITING"
	Removing   State = "REMOVING"
	Failed     State = "FAILED"
	// Removed is the end of REMOVING: proved gone in every known node. No
	// stored route has it, only the answer to a removal.
	Removed State = "REMOVED"
)

// Cause says why a state is not PROGRAMMED.
type Cause string

// The causes of WAITING and FAILED.
const (
	NodeStopped      Cause = "NODE_STOPPED"
	AgentUnreachable Cause = "AGENT_UNREACHABLE"
	Stale            Cause = "STALE" // the session is there, but the agent's last report is too old to be believed
	NoNodeNIC        Cause = "NO_NODE_NIC"
	NICAmbiguous     Cause = "NIC_AMBIGUOUS"
	KeyHeld          Cause = "KEY_HELD"
	LinkDown         Cause = "LINK_DOWN"      // the NIC is down, or has no carrier
	NICNoAddress     Cause = "NIC_NO_ADDRESS" // the NIC has no address yet, or none of the route's family
	IPv6Disabled     Cause = "IPV6_DISABLED"  // on the NIC
	// NextHopUnreachable: the node's kernel knows no network of the NIC that
	// has the next hop.
	NextHopUnreachable Cause = "NEXT_HOP_UNREACHABLE"
	InProgress         Cause = "IN_PROGRESS"
	NotSaved           Cause = "NOT_SAVED" // the agent cannot save it, and would lose it by a restart
	KernelRejected     Cause = "KERNEL_REJECTED"
	ForeignConflict    Cause = "FOREIGN_CONFLICT"
	OffloadFailed      Cause = "OFFLOAD_FAILED" // in the kernel, refused by the device below it
	NICNotStatic       Cause = "NIC_NOT_STATIC"
	OnLinkOverride     Cause = "OVERRIDES_ON_LINK"
)

// Condition qualifies PROGRAMMED.
type Condition string

// The conditions.
const (
	Shadowed Condition = "SHADOWED" // the winner is foreign: a warning
	Shared   Condition = "SHARED"   // a foreign next hop takes a part of the packets: a warning
	Standby  Condition = "STANDBY"  // the winner is ours, with a lower metric
)

// rank orders conditions: how much of the traffic goes where it should not.
func (c Condition) rank() int {
	switch c {
	case Shadowed:
		return 3
	case Shared:
		return 2
	case Standby:
		return 1
	default:
		return 0
	}
}

// NodeStatus is a route's status on one node.
type NodeStatus struct {
	Node      string
	State     State
	Cause     Cause
	Condition Condition
	// Detail is for the operator: the kernel's own words, the other route.
	Detail string
	// Revision is the store's revision that this status answers to.
	Revision Revision
	Time     time.Time
	// Reported is when the node's agent last said anything; zero for never.
	Reported time.Time
}

// rank orders states; FAILED is the worst (DESIGN section 4).
func (s State) rank() int {
	switch s {
	case Failed:
		return 3
	case Removing:
		return 2
	case Waiting:
		return 1
	default:
		return 0
	}
}

// Worst is the worst of the nodes' statuses: by state, then by condition. A
// route without nodes waits.
func Worst(nodes []NodeStatus) (worst NodeStatus) {
	if len(nodes) == 0 {
		return NodeStatus{State: Waiting, Cause: NoNodeNIC, Detail: "no Kubernetes node is known yet"}
	}
	worst = nodes[0]
	for _, n := range nodes[1:] {
		if cmp.Or(cmp.Compare(n.State.rank(), worst.State.rank()), cmp.Compare(n.Condition.rank(), worst.Condition.rank())) > 0 {
			worst = n
		}
	}
	return worst
}
