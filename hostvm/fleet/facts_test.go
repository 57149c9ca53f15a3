package fleet_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// Facts that were asked for between a new snapshot and the manager's taking it
// over know of its nodes afterwards.
func TestFactsFollowTheInventory(t *testing.T) {
	r := newRig(t, quick())
	r.stop()
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}})
	r.Manager = r.manager(quick())
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt("n1", "")}})
	if nics := r.Facts("Port3").NICs; len(nics) != 0 {
		t.Fatalf("a node that the manager does not know yet has NICs: %v", nics)
	}
	r.follow(r.Manager)
	r.until("the new node's NIC among the facts", func() bool { return len(r.Facts("Port3").NICs) == 1 })
}
