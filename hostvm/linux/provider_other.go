//go:build !linux

package linux

import "github.com/hcsroute/hcsroute/hostvm"

// New returns ErrUnsupported.
func New(Options) (hostvm.Inventory, error) { return nil, ErrUnsupported }
