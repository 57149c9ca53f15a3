package table

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// TestAFlushOfThousandsIsOneLine: what one program takes away in one go is one
// line, in however many pieces the kernel announces it.
func TestAFlushOfThousandsIsOneLine(t *testing.T) {
	const many = 10_000
	testVeth().Add(t)
	var log lines
	r := run(t, log.options())
	r.set(t, manyWants(t, many)...)
	all, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: testProtocol}, netlink.RT_FILTER_PROTOCOL)
	ok(t, err)
	for i := range all {
		ok(t, netlink.RouteDel(&all[i]))
	}
	total := func() (sum int) {
		for _, n := range log.counts(flushed) {
			sum += n
		}
		return sum
	}
	// Where notifications are lost, and a comparison was faster, nobody can count.
	exact := func() bool { return log.count("notifications were lost") == 0 }
	for deadline := time.Now().Add(time.Minute); exact() && total() < many || total() == 0 || len(r.held(t)) < many; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("lines for %v routes, %d in the kernel", log.counts(flushed), len(r.held(t)))
		}
	}
	r.stop() // what is not in the log yet is written
	// A machine that stands still for longer than a second in between makes it two.
	if lines := len(log.counts(flushed)); exact() && total() != many || lines > 3 || log.count("another manager") > 0 {
		t.Errorf("%d lines for %d routes", lines, total())
	}
}
