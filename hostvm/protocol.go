package hostvm

import "strconv"

// protocolName is the routing protocol's name as iproute2 has it
// (rtnetlink.h, rt_protos); the number where it has none.
func protocolName(number uint32) string {
	switch number {
	case 0:
		return ""
	case 1:
		return "redirect"
	case 2:
		return "kernel"
	case 3:
		return "boot"
	case 4:
		return "static"
	case 9:
		return "ra"
	case 11:
		return "zebra"
	case 12:
		return "bird"
	case 16:
		return "dhcp"
	case 17:
		return "mrouted"
	case 80:
		return "calico"
	case 186:
		return "bgp"
	case 188:
		return "ospf"
	}
	return strconv.FormatUint(uint64(number), 10)
}
