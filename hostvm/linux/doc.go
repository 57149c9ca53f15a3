// Package linux reads the device's ports from a Linux kernel by netlink: their
// names, switches (bridges), teams (bonds) and how they get their addresses.
package linux

import "errors"

// ErrUnsupported says that the program was not built for Linux.
var ErrUnsupported = errors.New("the inventory provider linux works on Linux only; set inventory.provider to none")

// Options are what a provider works with.
type Options struct {
	// Root is where lease files are looked for; empty: /.
	Root string
}
