//go:build linux

package rtnl

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

const testProtocol = 157

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }

func testLink(t testing.TB) int32 {
	v := nstest.Veth{Name: "v0", Peer: "v1", MAC: "02:00:00:00:00:01", Addresses: []string{"10.200.0.1/24", "fd00:200::1/64"}}
	return int32(v.Add(t))
}

func dial(t testing.TB) *Conn {
	t.Helper()
	nstest.Require(t)
	c, err := Dial(testProtocol)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func entry(dst, hop string, link int32, metric uint32) routes.FIBEntry {
	return routes.FIBEntry{Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Link: link, Metric: metric}
}

// many returns n distinct IPv4 entries.
func many(n int, link int32) []routes.FIBEntry {
	all := make([]routes.FIBEntry, n)
	for i := range all {
		a := netip.AddrFrom4([4]byte{20 + byte(i>>16), byte(i >> 8), byte(i), 0})
		all[i] = routes.FIBEntry{Destination: netip.PrefixFrom(a, 24), NextHop: netip.MustParseAddr("10.200.0.2"), Link: link, Metric: 256}
	}
	return all
}

func ops(kind Kind, entries ...routes.FIBEntry) []Op {
	all := make([]Op, len(entries))
	for i, e := range entries {
		all[i] = Op{Kind: kind, Entry: e}
	}
	return all
}

func do(t testing.TB, c *Conn, echo bool, all ...Op) []Result {
	t.Helper()
	got, err := c.Do(context.Background(), all, nil, echo)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEchoReadsBack(t *testing.T) {
	link, c := testLink(t), dial(t)
	for _, e := range []routes.FIBEntry{
		entry("10.1.0.0/16", "10.200.0.2", link, 256),
		entry("10.2.0.0/16", "0.0.0.0", link, 5),
		entry("10.3.0.1/32", "10.200.0.9", link, 65535),
		entry("2001:db8:1::/48", "fd00:200::2", link, 256),
		entry("2001:db8:2::/48", "::", link, 1),
		entry("2001:db8:3::1/128", "fe80::1", link, 7),
	} {
		t.Run(e.Destination.String(), func(t *testing.T) {
			for _, kind := range []Kind{Add, Delete} {
				if got := do(t, c, true, Op{Kind: kind, Entry: e})[0]; got != (Result{State: Done, ReadBack: true}) {
					t.Errorf("%v: %+v", kind, got)
				}
			}
			if got := do(t, c, true, Op{Kind: Delete, Entry: e})[0]; !errors.Is(got.Err, unix.ESRCH) || got.State != Failed {
				t.Errorf("second delete: %+v, want ESRCH", got)
			}
		})
	}
}

func TestErrorsMatchTheirMessages(t *testing.T) {
	link, c := testLink(t), dial(t)
	all := many(300, link)
	all[100].NextHop = netip.MustParseAddr("10.99.0.1")         // no such network
	all[299] = all[3]                                           // taken, and the one with the ACK
	all[200].Destination = netip.Prefix{}                       // cannot be sent
	all[256].Destination = netip.MustParsePrefix("20.1.0.1/24") // host bits
	for i, r := range do(t, c, false, ops(Add, all...)...) {
		want := map[int]error{100: unix.ENETUNREACH, 299: unix.EEXIST, 200: unix.EINVAL, 256: unix.EINVAL}[i]
		if want == nil && r != (Result{State: Done}) || want != nil && (r.State != Failed || !errors.Is(r.Err, want)) {
			t.Errorf("result %d: %+v, want %v", i, r, want)
		}
		var oe *OpError
		if i == 100 && (!errors.As(r.Err, &oe) || oe.Message == "" || oe.Op.Entry != all[100]) {
			t.Errorf("no text or entry of the kernel in %+v", oe)
		}
	}
}

func TestSystemCallsAndAllocations(t *testing.T) {
	link, c := testLink(t), dial(t)
	all := many(2560, link)
	adds, deletes := ops(Add, all...), ops(Delete, all...)
	results := make([]Result, 0, len(all))
	before := c.Stats()
	do(t, c, false, adds...)
	after := c.Stats()
	if s, r, q := after.Sends-before.Sends, after.Receives-before.Receives, after.Requests-before.Requests; s != 10 || r != 10 || q != 2560 {
		t.Errorf("2560 adds took %d sends, %d receives, %d requests; want 10, 10, 2560", s, r, q)
	}
	do(t, c, false, deletes...)
	ctx := context.Background()
	perRun := testing.AllocsPerRun(3, func() {
		for _, batch := range [][]Op{adds, deletes} {
			if _, err := c.Do(ctx, batch, results, false); err != nil {
				t.Fatal(err)
			}
		}
	})
	if perRun > 0.01*float64(2*len(all)) {
		t.Errorf("%.0f allocations for %d routes", perRun, 2*len(all))
	}
	t.Logf("%.0f allocations for %d changes", perRun, 2*len(all))
}
