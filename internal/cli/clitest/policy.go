package clitest

import (
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

func policy() routes.Policy {
	return routes.Policy{Protected: []routes.Protected{
		routes.ProtectPrefix(routes.ProtectedPods, netip.MustParsePrefix("172.27.0.0/16")),
		routes.ProtectPrefix(routes.ProtectedService, netip.MustParsePrefix("172.28.0.0/16")),
	}}
}
