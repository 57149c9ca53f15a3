package routes

import "slices"

// AlarmKind is what an agent complains of. It comes from a node: one that this
// version does not know is possible.
type AlarmKind string

// The kinds of alarms.
const (
	AlarmDiskFull    AlarmKind = "DISK_FULL"   // the agent cannot save changes: no space
	AlarmStateTaken  AlarmKind = "STATE_TAKEN" // its state folder was deleted, moved or replaced
	AlarmUnsaved     AlarmKind = "UNSAVED"     // it cannot save changes for another reason, such as a read-only disk
	AlarmCertificate AlarmKind = "CERTIFICATE" // its certificate cannot be used, or ends soon
	AlarmWithdrawn   AlarmKind = "WITHDRAWN"   // routes had to leave the kernel
	AlarmFoughtFor   AlarmKind = "FOUGHT_FOR"  // another program keeps taking routes away
)

// Unsaved reports whether the agent cannot save changes: it reports none as carried
// out that it would lose by a restart.
func (k AlarmKind) Unsaved() bool {
	return slices.Contains([]AlarmKind{AlarmDiskFull, AlarmStateTaken, AlarmUnsaved}, k)
}

// Remedy is a sentence about what to do.
func (k AlarmKind) Remedy() string {
	switch k {
	case AlarmDiskFull:
		return "Free space in the node on the file system of the agent's state folder ('df /var/lib/hcsroute-agent'); the agent saves by itself then."
	case AlarmStateTaken:
		return "Put the agent's state folder in the node back, or run 'systemctl restart hcsroute-agent' there: it then takes all routes from the service, and they stay in the kernel meanwhile."
	case AlarmUnsaved:
		return "Make the agent's state folder in the node writable ('findmnt -T /var/lib/hcsroute-agent' shows a disk that is read-only, 'ls -ld' the mode); the agent saves by itself then."
	case AlarmCertificate:
		return "Issue a new certificate for the node ('hcsroute certs issue NODE --kind agent --force' where your authority is) and copy certificate and key over the old files in the node: they are taken without a restart."
	case AlarmWithdrawn:
		return "'hcsroute get' lists these routes with their causes; they come back by themselves once the causes are gone."
	case AlarmFoughtFor:
		return "Find the program in the node that takes the routes away ('ip monitor route' shows each change as it comes) and have it leave them alone; systemd-networkd needs 'ManageForeignRoutes=no'."
	}
	return "See 'journalctl -u hcsroute-agent' in the node."
}
