package netlist

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// tries bounds how often a list is asked for.
const tries = 5

// Whole asks for a list again when it changed while the kernel wrote it. A partial
// one is never used: what is missing from it would look like a removal.
func Whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range tries {
		all, err = list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return nil, err
}
