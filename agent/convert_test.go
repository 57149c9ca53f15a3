package agent

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/agentwire"
	"github.com/hcsroute/hcsroute/routes"
)

// TestFactsOfALinkAreBounded: kube-proxy gives one link the addresses of all
// services, and others route every pod by a route without a gateway. A host
// takes a node that tells of all these for a liar.
func TestFactsOfALinkAreBounded(t *testing.T) {
	l := kernel.Link{Index: 9, Name: "kube-ipvs0", MAC: "02:00:00:00:00:09"}
	for i := range 5000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)}), 32)
		l.Addresses = append(l.Addresses, kernel.Address{Prefix: p})
		l.Connected = append(l.Connected, routes.ConnectedRoute{Prefix: p})
	}
	nics := toNICs([]kernel.Link{l}, desired.Ports{}, nil)
	if len(nics) != 1 || len(nics[0].Addresses) != agentwire.MaxNetworks || len(nics[0].Connected) != agentwire.MaxNetworks {
		t.Fatalf("%d NICs: %.300v", len(nics), nics)
	}
}
