package fleet_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// claiming is a rig with an agent that says it holds a version of its store.
// What it shows for it was given to it, if at all, with the version that is stored.
func claiming(t *testing.T, given bool, claim func(now routes.Version) routes.Version) (*rig, *fakeAgent) {
	a := newFakeAgent("k8s-master")
	r := newRig(t, quick())
	r.add(camera())
	now := r.store.Info().Version
	a.held = claim(now)
	if given {
		a.proof = r.store.Authenticator(now)
	}
	endpoint, stop := a.listen(t, t.TempDir())
	t.Cleanup(stop)
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: []hostvm.Node{nodeAt(a.id, endpoint)}})
	return r, a
}

// What a node says is a claim: without the store's own authenticator it
// changes nothing in the store, whatever the numbers; and the operator sees it.
func TestAClaimWithoutProofChangesNothing(t *testing.T) {
	for name, claim := range map[string]func(routes.Version) routes.Version{
		"a far epoch":                           func(v routes.Version) routes.Version { v.Epoch = math.MaxUint64 - 1; return v },
		"a later revision":                      func(v routes.Version) routes.Version { v.Revision += 900; return v },
		"the same version with another content": func(v routes.Version) routes.Version { v.Digest[0]++; return v },
	} {
		for proof, given := range map[string]bool{"": false, " with the proof of another version": true} {
			t.Run(name+proof, func(t *testing.T) {
				r, a := claiming(t, given, claim)
				before := r.store.Info().Version
				r.until("refused", func() bool {
					return strings.Contains(r.node(a.id).Problem, "nothing shows that this store ever issued")
				})
				if got := r.store.Info().Version; got != before || a.count(&a.snapshots) != 0 || len(r.store.Losses()) != 0 {
					t.Errorf("store %+v, was %+v; %d snapshots, losses %+v", got, before, a.snapshots, r.store.Losses())
				}
				if err := r.Adopt(context.Background(), a.id); err != nil {
					t.Fatal(err)
				}
				r.until("adopted", r.connected(a.id))
				if got := r.store.Info().Version; got != before {
					t.Errorf("adoption made the store %+v, was %+v", got, before)
				}
			})
		}
	}
}

// A claim without proof that contradicts nothing is that of an earlier agent:
// it gets what is stored.
func TestAnOlderClaimNeedsNoProof(t *testing.T) {
	r, a := claiming(t, false, func(v routes.Version) routes.Version { v.Revision--; v.Count = 0; v.Digest = routes.Digest{}; return v })
	r.until("session", r.connected(a.id))
	a.do(func() {
		if _, ok := a.set[camera().Key()]; !ok || len(a.proof) == 0 {
			t.Errorf("the agent holds %v with the proof %x", a.set, a.proof)
		}
	})
}

// rolledBack is a rig whose store is again as it was before its last change,
// which the agent has; replace puts the old file in place.
func rolledBack(t *testing.T, replace func(r *rig, path string, old []byte)) (*rig, *fakeAgent) {
	t.Helper()
	r, a := start(t, quick())
	r.until("session", r.connected(a.id))
	var old bytes.Buffer
	if _, err := r.store.Backup(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	if w := r.wait(r.add(camera())); !w.Reached {
		t.Fatalf("Wait: %+v", w)
	}
	r.stop()
	path := r.store.Info().Path
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	replace(r, path, old.Bytes())
	r.open(path)
	r.run(quick())
	return r, a
}

// An agent that holds what the store issued and lacks is proof of loss:
// nothing is deleted in its node until an operator accepts it, and what it has
// can be seen.
func TestALossIsProvedAndNothingIsDeleted(t *testing.T) {
	r, a := rolledBack(t, func(r *rig, path string, old []byte) {
		if err := os.WriteFile(path, old, 0o600); err != nil {
			r.Fatal(err)
		}
	})
	r.until("proved", func() bool { return strings.Contains(r.node(a.id).Problem, "has lost acknowledged changes") })
	snapshots, deltas := a.count(&a.snapshots), a.count(&a.deltas)
	// Other changes, which take the lost ones' revisions, change nothing of it.
	kept := mustRoute("10.30.0.0/16", "192.168.20.1", 256)
	r.add(kept)
	r.add(mustRoute("10.31.0.0/16", "192.168.20.1", 256))
	r.stop()
	r.run(quick())
	r.until("proved again", func() bool { return strings.Contains(r.node(a.id).Problem, "has lost acknowledged changes") })
	if l := r.store.Losses(); len(l) != 1 || l[0].Node != a.id || l[0].Version.Count != 1 {
		t.Fatalf("losses %+v", l)
	}
	list, err := r.Losses(t.Context())
	if err != nil || len(list) != 1 || list[0].Problem != "" || len(list[0].OnlyInNode) != 1 || list[0].OnlyInNode[0] != camera() || len(list[0].OnlyInStore) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	a.do(func() {
		if _, ok := a.set[camera().Key()]; !ok || a.snapshots != snapshots || a.deltas != deltas {
			t.Errorf("the node was changed: %v", a.set)
		}
	})
	if err := r.store.Accept(t.Context(), store.Caller{Actor: "test"}, r.store.Losses()); err != nil {
		t.Fatal(err)
	}
	r.until("session", r.connected(a.id))
	a.do(func() {
		if _, ok := a.set[kept.Key()]; !ok || len(a.set) != 2 {
			t.Errorf("the node holds %v", a.set)
		}
	})
}

// A restore says itself that what came after is gone.
func TestARestoreNeedsNoAcceptance(t *testing.T) {
	r, a := rolledBack(t, func(r *rig, path string, old []byte) {
		backup := path + ".backup"
		if err := os.WriteFile(backup, old, 0o600); err != nil {
			r.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			r.Fatal(err)
		}
		if _, err := boltstore.Restore(r.Context(), backup, path, store.Caller{Actor: "test"}); err != nil {
			r.Fatal(err)
		}
	})
	r.until("session", r.connected(a.id))
	a.do(func() {
		if len(a.set) != 0 {
			t.Errorf("the node holds %v", a.set)
		}
	})
	if l := r.store.Losses(); len(l) != 0 {
		t.Errorf("losses %+v", l)
	}
}
