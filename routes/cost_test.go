package routes

import (
	"net/netip"
	"testing"
)

// TestNewAllocations: every route of a set passes New several times on its way.
func TestNewAllocations(t *testing.T) {
	for _, f := range []Fields{
		{Interface: "Port3", Destination: netip.MustParsePrefix("20.1.2.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 256},
		{Interface: "Port3", Destination: netip.MustParsePrefix("fd01:2:3::/64"), NextHop: netip.MustParseAddr("fd00:20::1"), Metric: 256},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := New(f); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: %.0f allocations", f.Destination, n)
		}
	}
}

// TestCheckAllocations: a list judges every stored route again, also those of a
// port that there is a warning about.
func TestCheckAllocations(t *testing.T) {
	port := Port{Alias: "Port3", Link: LinkStateDown, Addressing: AddressingStatic, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.2/24"), netip.MustParsePrefix("fd00:20::2/64")}}
	nic := NodeNIC{Node: "k8s-master", Addressing: AddressingStatic, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.11/24")}}
	guards := []Protected{ProtectPrefix(ProtectedPods, netip.MustParsePrefix("172.27.0.0/16")), ProtectAddr(ProtectedHost, netip.MustParseAddr("fd00:20::2"), "Port3")}
	rules := NewRules(Facts{Known: true, Found: true, Port: port, NICs: []NodeNIC{nic}, Protected: guards}, Policy{})
	for _, text := range []Text{
		{Interface: "Port3", Destination: "20.1.2.0/24", NextHop: "192.168.20.1", Metric: 256},
		{Interface: "Port3", Destination: "fd01:2:3::/64", NextHop: "fd00:20::1", Metric: 256},
	} {
		r, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if warnings, err := rules.Check(r); err != nil || len(warnings) != 2 {
				t.Fatal(warnings, err)
			}
		}); n > 0 {
			t.Errorf("%s: %.0f allocations", r, n)
		}
	}
}

// TestSpecialRangesAreThoseOfTheirNames: the numbers of a range and its name
// say the same.
func TestSpecialRangesAreThoseOfTheirNames(t *testing.T) {
	for text, want := range map[string]string{
		"0.0.0.0/8": "unspecified (0.0.0.0/8)", "0.255.255.0/24": "unspecified (0.0.0.0/8)", "1.0.0.0/8": "",
		"127.0.0.0/8": "loopback (127.0.0.0/8)", "126.0.0.0/8": "", "128.0.0.0/8": "",
		"169.254.0.0/16": "link-local (169.254.0.0/16)", "169.253.0.0/16": "", "169.255.0.0/16": "",
		"224.0.0.0/8": "multicast (224.0.0.0/4)", "239.255.255.255/32": "multicast (224.0.0.0/4)", "223.0.0.0/8": "", "240.0.0.0/8": "",
		"255.255.255.255/32": "broadcast (255.255.255.255)", "255.255.255.254/32": "",
		"::/128": "unspecified (::)", "::1/128": "loopback (::1)", "::2/128": "",
		"::ffff:0:0/96": "IPv4-mapped (::ffff:0:0/96)", "::fffe:0:0/96": "",
		"fe80::/10": "link-local (fe80::/10)", "febf::/16": "link-local (fe80::/10)", "fec0::/10": "", "fe40::/10": "",
		"ff00::/8": "multicast (ff00::/8)", "fe00::/8": "link-local (fe80::/10)", "fd00::/8": "",
		"fe00::/7": "link-local (fe80::/10)", "::/7": "unspecified (::)", "100::/8": "", "200::/7": "",
	} {
		if got := specialRange(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	f := Fields{Interface: "Port3", Destination: netip.MustParsePrefix("20.1.2.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 256}
	for b.Loop() {
		if _, err := New(f); err != nil {
			b.Fatal(err)
		}
	}
}
