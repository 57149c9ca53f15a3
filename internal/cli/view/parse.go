package view

import (
	"strings"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// ParseState reads PROGRAMMED, WAITING, REMOVING or FAILED, in any case.
func ParseState(s string) (pb.State, bool) {
	state, ok := pb.State_value["STATE_"+strings.ToUpper(s)]
	return pb.State(state), ok && state != 0 && pb.State(state) != pb.State_STATE_REMOVED // no stored route is REMOVED
}

// ParseFamily reads IPv4 or IPv6, in any case; empty is both.
func ParseFamily(s string) (pb.AddressFamily, bool) {
	switch strings.ToLower(s) {
	case "":
		return pb.AddressFamily_ADDRESS_FAMILY_UNSPECIFIED, true
	case "ipv4":
		return pb.AddressFamily_ADDRESS_FAMILY_IPV4, true
	case "ipv6":
		return pb.AddressFamily_ADDRESS_FAMILY_IPV6, true
	}
	return 0, false
}
