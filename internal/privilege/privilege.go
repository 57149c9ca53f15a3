// Package privilege gives up what a program does not need, where nobody did
// before it was started.
package privilege

import "log/slog"

// The capabilities that a program may need, as capabilities(7) numbers them.
const (
	Chown    = 1 << 0  // CAP_CHOWN: to give a file to a group
	NetAdmin = 1 << 12 // CAP_NET_ADMIN: to change routes
)

// Plan is what a program needs.
type Plan struct {
	Keep          uint64   // capabilities, one bit for each
	User          string   // to run as when started as root; empty: as who it is
	Folders       []string // that the other user needs; made where they are missing
	Args, Environ []string // of the program, which is started again; args without its name
	Log           *slog.Logger
}
