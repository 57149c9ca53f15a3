package fleet

import (
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// TestAChangedInventoryWakesTheSession, and one that says the same does not.
func TestAChangedInventoryWakesTheSession(t *testing.T) {
	n := newNode(&Manager{}, "worker")
	snap := &hostvm.Snapshot{Ports: []routes.Port{{Alias: "Port3", Switch: "vswitch-Port3"}}}
	before := hostvm.Node{ID: "worker", State: hostvm.NodeAuto, Endpoint: "unix:///agent"}
	after := before
	after.NICs = []hostvm.NIC{{MAC: "02:00:00:00:20:11", Switch: "vswitch-Port3"}}
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"listed", func() { n.setInventory(before, snap) }, true},
		{"the same again", func() { n.setInventory(before, snap) }, false},
		{"another NIC", func() { n.setInventory(after, snap) }, true},
		{"gone", func() { n.setGone() }, true},
		{"gone still", func() { n.setGone() }, false},
	} {
		changed, raised := n.changed.wait(), false
		step.do()
		select {
		case <-changed:
			raised = true
		default:
		}
		if raised != step.want {
			t.Errorf("%s: raised %v", step.name, raised)
		}
	}
}
