package fleet_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// fleetOf starts light agents and returns the inventory's nodes.
func fleetOf(t *testing.T, count int) (nodes []hostvm.Node, stop func()) {
	t.Helper()
	dir := t.TempDir()
	var stops []func()
	for i := range count {
		a := newFakeAgent(fmt.Sprintf("node-%02d", i))
		a.light = true
		endpoint, stop := a.listen(t, dir)
		stops = append(stops, stop)
		nodes = append(nodes, nodeAt(a.id, endpoint))
	}
	return nodes, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What the manager keeps must not grow with routes times nodes: 100,000
// routes on 20 nodes would be 2 million entries, 64 MiB at 32 bytes each.
func TestManyRoutesOnManyNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	const count, agents = 100000, 20
	nodes, stop := fleetOf(t, agents)
	r := newRig(t, quick())
	r.patience = 6 * patience // memory is what counts here, and the race detector is slow
	t.Cleanup(stop)
	for first := 0; first < count; first += 10000 {
		var list []routes.Route
		for i := first; i < first+10000; i++ {
			list = append(list, mustRoute(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32).String(), "192.168.20.1", 256))
		}
		r.add(list...)
	}
	before := heap()
	begun := time.Now()
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: nodes})
	all := func() bool {
		for _, n := range nodes {
			if !r.connected(n.ID)() {
				return false
			}
		}
		return true
	}
	r.until("all nodes", all)
	took := time.Since(begun)
	grown := int64(heap()) - int64(before)
	t.Logf("%d routes on %d nodes in %s, heap grew by %d KiB with the agents", count, agents, took, grown>>10)
	if grown > 24<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	var worst time.Duration
	for i := range 20 {
		begun := time.Now()
		if w := r.wait(r.add(mustRoute("172.16.0.0/16", "192.168.20.1", uint32(i+1)))); !w.Reached {
			t.Fatalf("Wait: %+v", w)
		}
		worst = max(worst, time.Since(begun))
	}
	t.Logf("one change on all of them: %s at worst", worst)
}
