package routes

import (
	"fmt"
)

// WarningCode names a warning. Warnings never block.
type WarningCode string

// The warnings of DESIGN section 3, in the order of the table.
const (
	WarnShadowed        WarningCode = "SHADOWED"
	WarnShared          WarningCode = "SHARED"
	WarnCoversProtected WarningCode = "COVERS_PROTECTED"
	WarnNextHopOfNode   WarningCode = "NEXT_HOP_OF_NODE"
	WarnPortNotCompute  WarningCode = "PORT_NOT_COMPUTE"
	WarnInterfaceDown   WarningCode = "INTERFACE_DOWN"
	WarnNoLongerStatic  WarningCode = "INTERFACE_NO_LONGER_STATIC"
	WarnNowTeamed       WarningCode = "INTERFACE_TEAMED"
	WarnRoleChanged     WarningCode = "INTERFACE_ROLE_CHANGED"
	WarnInterfaceGone   WarningCode = "INTERFACE_GONE"
	WarnNoLongerAllowed WarningCode = "NO_LONGER_ALLOWED"
	WarnNotProgrammed   WarningCode = "NOT_PROGRAMMED"
	WarnStoreBehind     WarningCode = "STORE_BEHIND"
)

// Warning says what an operator should know of a route that was accepted.
type Warning struct {
	Code    WarningCode
	Message string
	Params  map[string]string
}

// String is the warning as the CLI prints it.
func (w Warning) String() string { return fmt.Sprintf("%s: %s", w.Code, w.Message) }

// WarningInfo is one row of the table of warnings.
type WarningInfo struct {
	Code     WarningCode
	Severity Severity
	// Reason gives a failure its class in the one error table; empty for the others.
	Reason  Reason
	Meaning string // a sentence
	Remedy  string // what to do
}

// Info returns the table's row for c. An unknown code (of a newer service, say)
// answers with ok false and a row that says no more than that.
func (c WarningCode) Info() (info WarningInfo, ok bool) {
	for _, row := range Warnings() {
		if row.Code == c {
			return row, true
		}
	}
	return WarningInfo{c, SeverityWarn, "", "A warning that this version does not know.", "Do as the message says."}, false
}

// Warnings is the closed list of warnings, in the order of the documentation.
func Warnings() []WarningInfo {
	return []WarningInfo{
		{WarnShadowed, SeverityWarn, "", "A kernel route of the node wins over this one, so no packet takes it.", shadowedRemedy},
		{WarnShared, SeverityWarn, "", "A next hop that is not ours shares the route in a node's kernel, and takes a part of its packets.", sharedRemedy},
		{WarnCoversProtected, SeverityWarn, "", "The destination covers addresses that the cluster or the device needs; the message says whether they keep more specific routes.", "Where they keep none, use smaller destinations; 'hcsroute explain ADDRESS' shows the way that a packet to one of them takes."},
		{WarnNextHopOfNode, SeverityWarn, "", "A node says that the next hop is its own address; if so, the route cannot work there.", "Compare with 'hcsroute nodes -o json', then correct the route ('hcsroute set PORT DESTINATION --new-next-hop ADDRESS') or the node's address."},
		{WarnPortNotCompute, SeverityWarn, "", "The port has no external switch yet; the route waits until compute is enabled on it.", "Enable compute on the port; 'hcsroute interfaces' shows the switch that it has then."},
		{WarnInterfaceDown, SeverityWarn, "", "The port has no link.", "See to the cable, and to what is at its other end; 'hcsroute interfaces' shows the link."},
		{WarnNoLongerStatic, SeverityWarn, "", "The port lost its static address after the route was added; the route stays.", "Give the port a static address again, or remove its routes: 'hcsroute get --interface PORT' lists them."},
		{WarnNowTeamed, SeverityWarn, "", "The port became part of a team after the route was added; the route stays.", "Take the port out of the team, or remove its routes: 'hcsroute get --interface PORT' lists them."},
		{WarnRoleChanged, SeverityWarn, "", "The port became a management, internal or host interface after the route was added; the route stays.", "Give the port its role back in the inventory file, or remove its routes: 'hcsroute get --interface PORT' lists them."},
		{WarnInterfaceGone, SeverityFailure, InterfaceNotFound, "The port does not exist any more; the route stays.", "Give the device the port back ('hcsroute interfaces' lists those it has), or remove its routes: 'hcsroute get --interface PORT' lists them."},
		{WarnNoLongerAllowed, SeverityWarn, "", "A new route like this one would be refused: the policy, a protected range or a network changed after it was added; it stays stored.", "The message says what refuses it: remove the route with 'hcsroute remove PORT DESTINATION', or allow such routes again in the service's policy."},
		{WarnNotProgrammed, SeverityWarn, "", "The route is stored, but not yet in the kernel of every node.", "See the node's state with 'hcsroute get -o wide' or 'hcsroute nodes'; it is retried by itself."},
		{WarnStoreBehind, SeverityFailure, StoreFailed, "The store has lost acknowledged changes: a node proves it, and nothing is changed in that node until a restore or hcsroute store accept.", "See 'hcsroute store behind', then restore a backup or run 'hcsroute store accept'."},
	}
}

// LostChanges says what a store that is behind has done, by the nodes that prove it.
func LostChanges(nodes []string) string {
	hold := "hold"
	if len(nodes) == 1 {
		hold = "holds"
	}
	return fmt.Sprintf("lost acknowledged changes that %s still %s; nothing is changed there", Few(nodes), hold)
}
