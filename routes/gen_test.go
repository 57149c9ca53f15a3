package routes_test

import (
	"net/netip"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
)

// genRoute draws valid routes of both families from a small space, so that
// keys and kernel keys collide often.
func genRoute() *rapid.Generator[routes.Route] {
	return rapid.Custom(func(t *rapid.T) routes.Route {
		f := routes.Fields{
			Interface: rapid.SampledFrom([]string{"Port3", "port3", "Port4", "vPort 3"}).Draw(t, "interface"),
			Metric:    uint32(rapid.SampledFrom([]int{1, 100, 256, 65535}).Draw(t, "metric")),
		}
		if rapid.Bool().Draw(t, "v6") {
			a := netip.AddrFrom16([16]byte{0xfd, 0, byte(rapid.IntRange(0, 3).Draw(t, "net"))})
			f.Destination = netip.PrefixFrom(a, rapid.SampledFrom([]int{32, 48, 64, 128}).Draw(t, "bits")).Masked()
			f.NextHop = rapid.SampledFrom([]netip.Addr{netip.IPv6Unspecified(), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fd00:20::1")}).Draw(t, "hop")
		} else {
			a := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "net")), 0, 0})
			f.Destination = netip.PrefixFrom(a, rapid.SampledFrom([]int{8, 16, 24, 32}).Draw(t, "bits")).Masked()
			f.NextHop = rapid.SampledFrom([]netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("192.168.20.1"), netip.MustParseAddr("192.168.20.2")}).Draw(t, "hop")
		}
		r, err := routes.New(f)
		if err != nil {
			t.Fatalf("generated an invalid route: %v", err)
		}
		return r
	})
}
