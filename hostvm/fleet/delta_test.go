package fleet

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// TestProofsAreNoPartOfADelta: they come between the changes that a node is sent,
// and neither count as such nor lead elsewhere.
func TestProofsAreNoPartOfADelta(t *testing.T) {
	st, err := boltstore.Open(filepath.Join(t.TempDir(), "routes.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	m := &Manager{opts: Options{Store: st}}
	apply := func(item store.Item) {
		t.Helper()
		if res, err := st.Apply(t.Context(), store.Request{Action: "test", Items: []store.Item{item}}); err != nil || res.Items[0].Err != nil {
			t.Fatal(res, err)
		}
	}
	r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 1})
	if err != nil {
		t.Fatal(err)
	}
	add := store.Item{Op: store.OpAdd, Route: r, Force: true}
	remove := store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: r.Interface(), Destination: r.Destination(), NextHop: r.NextHop()}}
	if err := st.Know(t.Context(), store.KnownNode{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	apply(add)
	held := st.Info().Version
	wantRemoval := func(proofs int) {
		t.Helper()
		events, ok := st.Since(store.Beyond(held.Revision))
		if d, leads := m.deltaFrom(held); !ok || len(events) != 1+proofs || changesOf(events) != 1 ||
			!leads || d.from != held || d.to != st.Info().Version || len(d.keys) != 1 || len(d.msg.Removals) != 1 || len(d.msg.Upserts) != 0 {
			t.Fatalf("%d events with %d changes; %+v", len(events), changesOf(events), d)
		}
	}
	apply(remove)
	wantRemoval(0)
	if err := st.Prove(t.Context(), "a", st.Info().Version.Revision, nil); err != nil {
		t.Fatal(err)
	}
	wantRemoval(1)
	held = st.Info().Version
	if d, leads := m.deltaFrom(held); leads {
		t.Fatalf("a proof leads to %+v", d)
	}
}
