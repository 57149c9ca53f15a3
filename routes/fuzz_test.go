package routes_test

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// FuzzParse: whatever the text, the answer is a valid route or an error with a Reason.
func FuzzParse(f *testing.F) {
	f.Add("Port3", "192.168.21.0/24", "192.168.20.1", int64(100))
	f.Add("Port3", "fd00:21::/64", "fe80::1%Port3", int64(256))
	f.Add("", "0.0.0.0/0", "::", int64(0))
	f.Add("Port3", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", int64(-1))
	f.Fuzz(func(t *testing.T, iface, destination, hop string, metric int64) {
		r, err := routes.Parse(routes.Text{Interface: iface, Destination: destination, NextHop: hop, Metric: metric})
		if err != nil {
			if routes.ReasonOf(err) == "" {
				t.Fatalf("an error without reason: %v", err)
			}
			return
		}
		dst := r.Destination()
		if dst != dst.Masked() || dst.Addr().Is4In6() || dst.Addr().Zone() != "" || r.NextHop().Zone() != "" || r.NextHop().Is4() != dst.Addr().Is4() {
			t.Fatalf("accepted %s", r)
		}
		if again, err := netip.ParsePrefix(dst.String()); err != nil || again != dst {
			t.Fatalf("%s does not read back", dst)
		}
		if again, err := routes.New(r.Fields()); err != nil || again != r {
			t.Fatalf("%s is not accepted again: %v", r, err)
		}
	})
}

// FuzzDecodeKey: what is decoded encodes to the same bytes.
func FuzzDecodeKey(f *testing.F) {
	f.Add(routes.AppendKey(nil, routes.Key{Destination: netip.MustParsePrefix("192.168.21.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Interface: "port3"}))
	f.Add(routes.AppendKey(nil, routes.Key{Destination: netip.MustParsePrefix("fd00:21::/64"), NextHop: netip.MustParseAddr("fe80::1"), Interface: "port3"}))
	f.Add([]byte("port3\x00\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := routes.DecodeKey(b)
		if err != nil {
			return
		}
		if again := routes.AppendKey(nil, k); string(again) != string(b) {
			t.Fatalf("%x decodes to %s, which encodes to %x", b, k, again)
		}
	})
}
