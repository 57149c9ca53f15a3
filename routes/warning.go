package routes

import "fmt"

// WarningCode names a warning. Warnings never block.
type WarningCode string

// The warnings of DESIGN section 3.
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
	WarnNotProgrammed   WarningCode = "NOT_PROGRAMMED"
	WarnStoreBehind     WarningCode = "STORE_BEHIND"
)

// Warning tells the operator something about a route that was accepted.
type Warning struct {
	Code    WarningCode
	Message string
	Params  map[string]string
}

// String is the warning as the CLI prints it.
func (w Warning) String() string { return fmt.Sprintf("%s: %s", w.Code, w.Message) }

// WarningInfo is one row of the table of warnings.
type WarningInfo struct {
	Code    WarningCode
	Meaning string
}

// Warnings is the closed list of warnings, in the order of the documentation.
func Warnings() []WarningInfo {
	return []WarningInfo{
		{WarnShadowed, "A kernel route of the node wins over this one, so no packet takes it."},
		{WarnShared, "A next hop that is not ours shares the route in a node's kernel, and takes a part of its packets."},
		{WarnCoversProtected, "The destination covers addresses that the cluster or the device needs; the message says whether they keep more specific routes."},
		{WarnNextHopOfNode, "A node says that the next hop is its own address; if so, the route cannot work there."},
		{WarnPortNotCompute, "The port has no external switch yet; the route waits until compute is enabled on it."},
		{WarnInterfaceDown, "The port has no link."},
		{WarnNoLongerStatic, "The port lost its static address after the route was added; the route stays."},
		{WarnNowTeamed, "The port became part of a team after the route was added; the route stays."},
		{WarnRoleChanged, "The port became a management, internal or host interface after the route was added; the route stays."},
		{WarnInterfaceGone, "The port does not exist any more; the route stays."},
		{WarnNotProgrammed, "The route is stored, but not yet in the kernel of every node."},
		{WarnStoreBehind, "The store has lost acknowledged changes: a node proves it, and nothing is changed in that node until a restore or hcsroute store accept."},
	}
}
