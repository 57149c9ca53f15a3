package routes

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseDestination reads a prefix ("192.168.21.0/24") or a single address,
// which becomes /32 or /128. Errors are DESTINATION_INVALID or
// DESTINATION_HOST_BITS; the latter offers the masked prefix.
func ParseDestination(s string) (netip.Prefix, error) {
	text := strings.TrimSpace(s)
	bad := func(format string, args ...any) (netip.Prefix, error) {
		return netip.Prefix{}, &Error{Reason: DestinationInvalid, Field: "destination", Value: quoteEmpty(s), Problem: fmt.Sprintf(format, args...)}
	}
	if strings.Contains(text, "%") {
		return bad("a destination has no zone")
	}
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return bad("not an IP address or prefix")
		}
		return checkDestination(netip.PrefixFrom(a, a.BitLen()))
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return bad("not an IP address or prefix")
	}
	return checkDestination(p)
}

// checkDestination refuses what can never be the destination of a custom
// route, whatever the policy says.
func checkDestination(p netip.Prefix) (netip.Prefix, error) {
	bad := func(problem string) (netip.Prefix, error) {
		return netip.Prefix{}, &Error{Reason: DestinationInvalid, Field: "destination", Value: p.String(), Problem: problem}
	}
	switch {
	case !p.IsValid():
		return bad("not an IP address or prefix")
	case p.Addr().Zone() != "":
		return bad("a destination has no zone")
	case p.Addr().Is4In6():
		return bad("an IPv4 address written as IPv6; write it as IPv4, such as " + p.Addr().Unmap().String())
	}
	if masked := p.Masked(); masked != p {
		return netip.Prefix{}, &Error{
			Reason: DestinationHostBits, Field: "destination", Value: p.String(),
			Problem: fmt.Sprintf("bits are set to the right of /%d", p.Bits()),
			Action:  "Use " + masked.String() + ", or " + p.Addr().String() + " for that one address",
			Params:  map[string]string{"suggestion": masked.String(), "host": p.Addr().String()},
		}
	}
	if name := specialRange(p); name != "" {
		return netip.Prefix{}, &Error{
			Reason: DestinationInvalid, Field: "destination", Value: p.String(),
			Problem: "a route needs unicast addresses, this is " + name, Params: map[string]string{"range": name},
		}
	}
	return p, nil
}

// specialRange names the special-purpose range (RFC 6890) that p is inside of,
// or for IPv6 overlaps. Prefixes as short as a default route are left to the policy.
func specialRange(p netip.Prefix) string {
	if p.Bits() < minimumBits(p.Addr()) {
		return ""
	}
	// Every route that is read passes here: no text is parsed, and most leave
	// by their first byte, which so long a prefix has to itself, except for 1 bit.
	if p.Addr().Is4() {
		if b := p.Addr().As4()[0]; b != 0 && b != 127 && b != 169 && b < 224 {
			return ""
		}
		for _, r := range [...]struct {
			start [4]byte
			bits  int
			name  string
		}{
			{[4]byte{}, 8, "unspecified (0.0.0.0/8)"},
			{[4]byte{127}, 8, "loopback (127.0.0.0/8)"},
			{[4]byte{169, 254}, 16, "link-local (169.254.0.0/16)"},
			{[4]byte{224}, 4, "multicast (224.0.0.0/4)"},
			{[4]byte{255, 255, 255, 255}, 32, "broadcast (255.255.255.255)"},
		} {
			if Covers(netip.PrefixFrom(netip.AddrFrom4(r.start), r.bits), p) {
				return r.name
			}
		}
		return ""
	}
	if b := p.Addr().As16()[0]; b > 1 && b < 0xfe {
		return ""
	}
	for _, r := range [...]struct {
		start [16]byte
		bits  int
		name  string
	}{
		{[16]byte{}, 128, "unspecified (::)"},
		{[16]byte{15: 1}, 128, "loopback (::1)"},
		{[16]byte{10: 0xff, 11: 0xff}, 96, "IPv4-mapped (::ffff:0:0/96)"},
		{[16]byte{0xfe, 0x80}, 10, "link-local (fe80::/10)"},
		{[16]byte{0xff}, 8, "multicast (ff00::/8)"},
	} {
		if netip.PrefixFrom(netip.AddrFrom16(r.start), r.bits).Overlaps(p) {
			return r.name
		}
	}
	return ""
}

// Covers reports whether every address of inner is in outer; equal prefixes cover each other.
func Covers(outer, inner netip.Prefix) bool {
	return outer.IsValid() && inner.IsValid() && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// ActsAsDefault reports whether p is so short that a route to it acts as a default route.
func ActsAsDefault(p netip.Prefix) bool { return p.Bits() < minimumBits(p.Addr()) }

// minimumBits is the shortest prefix that does not act as a default route.
func minimumBits(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 7
}

// ParseNextHop reads a next hop for a destination. "0.0.0.0" and "::" are
// device routes; the zone of a link-local IPv6 next hop must be the interface.
func ParseNextHop(s, iface string) (netip.Addr, error) {
	text := strings.TrimSpace(s)
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, &Error{Reason: NextHopInvalid, Field: "next_hop", Value: quoteEmpty(s), Problem: "not an IP address"}
	}
	if zone := a.Zone(); zone != "" {
		if !strings.EqualFold(zone, iface) {
			return netip.Addr{}, &Error{Reason: NextHopInvalid, Field: "next_hop", Value: s, Problem: fmt.Sprintf("its zone %q is not the interface %s", zone, iface)}
		}
		a = a.WithZone("")
	}
	return a, nil
}

func quoteEmpty(s string) string {
	if strings.TrimSpace(s) == "" {
		return `""`
	}
	return s
}
