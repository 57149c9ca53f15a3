// Package agent is the program in a node: it takes the desired set from the
// host's session, keeps it on disk (package journal), has it programmed
// (package table) and reports what the kernel really holds.
//
// One goroutine, Run, owns the set. A change goes to the kernel while it is
// being synced to the disk; its report waits for both. When a session ends the
// routes stay.
package agent
