package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

func TestAddressing(t *testing.T) {
	address := func(s string, leased bool) kernel.Address {
		return kernel.Address{Prefix: netip.MustParsePrefix(s), Leased: leased}
	}
	static4, leased4 := address("192.168.20.11/24", false), address("192.168.20.12/24", true)
	static6, leased6 := address("fd00:20::11/64", false), address("fd00:20::12/64", true)
	apipa, local := address("169.254.7.7/16", false), address("fe80::1/64", false)
	for _, tc := range []struct {
		addresses []kernel.Address
		want      routes.Addressing
	}{
		{nil, routes.AddressingNone},
		{[]kernel.Address{local}, routes.AddressingNone},
		{[]kernel.Address{local, static4}, routes.AddressingStatic},
		{[]kernel.Address{leased4, local}, routes.AddressingDHCP},
		{[]kernel.Address{static4, leased4}, routes.AddressingDHCP},
		{[]kernel.Address{leased4, static6}, routes.AddressingDHCP},
		{[]kernel.Address{static6, leased4}, routes.AddressingDHCP},
		{[]kernel.Address{static4, leased6}, routes.AddressingStatic},
		{[]kernel.Address{apipa, local}, routes.AddressingLinkLocal},
		{[]kernel.Address{local, static6}, routes.AddressingStatic},
		{[]kernel.Address{leased6}, routes.AddressingDHCP},
		{[]kernel.Address{static6, leased6}, routes.AddressingStatic},
	} {
		if got := (kernel.Link{Addresses: tc.addresses}).Addressing(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.addresses, got, tc.want)
		}
	}
}
