package table

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

const (
	testMAC      = "02:00:00:00:00:01"
	testProtocol = 157
)

func want(t testing.TB, dst, hop string, metric uint32) Want {
	t.Helper()
	r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Metric: metric})
	if err != nil {
		t.Fatal(err)
	}
	return Want{Route: r, MAC: testMAC}
}
