// Package linux reads the device's ports from a Linux kernel by netlink: their
// names, switches (bridges), teams (bonds) and how they get their addresses.
package linux

import "errors"

// ErrUnsupported says that the program was not built for Linux.
var ErrUnsupported = errors.New("the inventory provider linux works on Linux only; set inventory.provider to none")

// DefaultPattern is what names of ports look like.
const DefaultPattern = `^Port[0-9]+$`

// Options are what a provider works with.
type Options struct {
	// Pattern is the regular expression for names, aliases and alternative
	// names of ports, without regard to case; empty: DefaultPattern. All other
	// links are the host's own, unless the inventory file declares them.
	Pattern string
	// Root is where lease files are looked for; empty: /.
	Root string
}
