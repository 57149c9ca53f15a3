package table

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
)

// TestArrange proves that each due route stays due once, IPv6 in order and
// IPv4 so that any beginning of it is spread over the whole.
func TestArrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n4, n6 := rapid.IntRange(0, 3*chunk).Draw(t, "IPv4"), rapid.IntRange(0, 2*chunk).Draw(t, "IPv6")
		tab := New(kernelfake.New(157), Options{})
		for i := range n4 + n6 {
			d := packDst(netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 8), byte(i)}), 24))
			if i >= n4 {
				d = packDst(netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 14: byte(i >> 8), 15: byte(i)}), 128))
			}
			tab.queue(tab.insert(-1, slot{dst: d.addr, bits: d.bits, v4: d.v4}))
		}
		seed := rapid.Int().Draw(t, "shuffle")
		slices.SortFunc(tab.due, func(a, b int32) int { return int(a*2654435+int32(seed))%977 - int(b*2654435+int32(seed))%977 })
		before := slices.Sorted(slices.Values(tab.due))
		tab.arrange()
		if !slices.Equal(before, slices.Sorted(slices.Values(tab.due))) {
			t.Fatal("a route was lost or doubled")
		}
		if len(tab.due) <= chunk {
			return
		}
		if !slices.IsSorted(tab.due[n4:]) { // slots were made in order
			t.Fatal("IPv6 routes are not in order")
		}
		for _, part := range []int{2, 4, 8} {
			if n4 < 64 {
				break
			}
			seen := map[int]bool{}
			for _, i := range tab.due[:2*part] {
				seen[int(i)*part/n4] = true
			}
			if len(seen) != part {
				t.Fatalf("the first %d of %d IPv4 routes cover %d of %d parts", 2*part, n4, len(seen), part)
			}
		}
	})
}
