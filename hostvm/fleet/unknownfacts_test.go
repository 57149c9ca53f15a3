package fleet_test

import (
	"context"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// A problem of the inventory is no news about switches: nodes keep their NICs.
func TestUnknownFactsTakeNothingAway(t *testing.T) {
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	r.wait(r.add(camera()))
	snap := *r.Inventory()
	snap.Ports, snap.Problem = nil, "the kernel's links could not be read"
	r.inventory.Set(&snap)
	if f := r.Facts("Port3"); f.Known || f.Problem == "" {
		t.Errorf("%+v", f)
	}
	// The manager takes the broken snapshot, then this one; its node is the proof.
	other := snap
	other.Nodes = append([]hostvm.Node{nodeAt("other", "unix:///nowhere/a")}, snap.Nodes...)
	r.inventory.Set(&other)
	r.until("the newer snapshot", func() bool { return r.node("other").ID != "" })
	rec, err := r.store.Get(context.Background(), camera().Key())
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range r.Status(rec) {
		if st.Node == a.id && st.State != routes.Programmed {
			t.Errorf("%+v", st)
		}
	}
	a.do(func() {
		if a.ports[1].Mac == "" {
			t.Error("the agent got that its NIC is gone")
		}
	})
}
