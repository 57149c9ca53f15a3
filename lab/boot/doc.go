// Package boot boots systemd in a network namespace of the lab, as a machine of
// its own: its processes, mounts, host name, IPC and control groups are apart, and
// its root is the one of this system, of which it changes a copy. A person's place
// in front of it is a [Terminal].
//
// It needs root, since systemd must mount; [Problem] says what else is missing.
package boot
