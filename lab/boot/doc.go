// Package boot boots systemd in a network namespace of the lab, as a machine of
// its own: its processes, mounts, host name, IPC and control groups are separate,
// and it changes only a copy of this system's root. A test sits in front of it at a
// [Terminal].
//
// It needs root, since systemd must mount; [Problem] says what else is missing.
package boot
