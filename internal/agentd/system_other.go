//go:build !linux

package agentd

import (
	"io"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// closer is a kernel that is given back.
type closer interface {
	kernel.Kernel
	io.Closer
}

func openKernel(uint8) (closer, error) { return nil, unsupported("programming routes") }

func kernelWarnings() []string { return nil }
