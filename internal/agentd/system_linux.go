package agentd

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/privilege"
)

func openKernel(protocol uint8) (*kernel.Linux, error) { return kernel.Open(protocol) }

// watchBuffer is what package rtnl asks for, in bytes.
const watchBuffer = 16 << 20

// kernelWarnings are one line each for what the kernel does not let us do.
func kernelWarnings() (warnings []string) {
	if caps, err := privilege.Permitted(); err == nil && caps&(1<<unix.CAP_NET_ADMIN) == 0 {
		warnings = append(warnings, "CAP_NET_ADMIN is missing: no route can be programmed; start the agent as root or with AmbientCapabilities=CAP_NET_ADMIN")
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return append(warnings, fmt.Sprintf("netlink socket: %v", err))
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, watchBuffer); err == nil {
		return warnings
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, watchBuffer)
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && n < watchBuffer {
		warnings = append(warnings, fmt.Sprintf("SO_RCVBUFFORCE is not permitted: the buffer for kernel notifications has %d bytes instead of %d, so that bursts cost a full comparison; raise net.core.rmem_max to %d", n, watchBuffer, watchBuffer))
	}
	return warnings
}
