package agentd

import (
	"fmt"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/privilege"
)

func openKernel(protocol uint8) (*kernel.Linux, error) { return kernel.Open(protocol) }

// kernelWarnings are one line each for what the kernel does not let us do.
func kernelWarnings() (warnings []string) {
	if privilege.Missing(privilege.NetAdmin) {
		warnings = append(warnings, "CAP_NET_ADMIN is missing: no route can be programmed; start the agent as root or with AmbientCapabilities=CAP_NET_ADMIN")
	}
	watch, err := rtnl.Subscribe(0)
	if err != nil {
		return append(warnings, err.Error())
	}
	if b := watch.Buffer(); b.Bytes < rtnl.WatchBuffer {
		warnings = append(warnings, fmt.Sprintf("SO_RCVBUFFORCE is not permitted: the buffer for kernel notifications has %d bytes instead of %d, so that bursts cost a full comparison; raise net.core.rmem_max to %d", b.Bytes, rtnl.WatchBuffer, rtnl.WatchBuffer))
	}
	_ = watch.Close() // nothing was read from it
	return warnings
}
