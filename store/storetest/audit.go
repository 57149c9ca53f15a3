package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func auditOf(t testing.TB, s store.Store, q store.AuditQuery) []store.AuditRecord {
	t.Helper()
	recs, _, err := s.Audit(t.Context(), q)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	return recs
}

func verified(t testing.TB, s store.Store) store.AuditProof {
	t.Helper()
	proof, err := s.VerifyAudit(t.Context())
	if err != nil || proof.Problem != "" {
		t.Fatalf("VerifyAudit: %v %s", err, proof.Problem)
	}
	return proof
}

func testAudit(t *testing.T, b Backend) {
	s := open(t, b)
	ctx := t.Context()
	if proof := verified(t, s); proof.Records != 0 {
		t.Fatalf("%+v", proof)
	}
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	if _, err := s.Apply(ctx, store.Request{Caller: caller(), Action: "add", RequestID: "id-1", Items: []store.Item{add(r)}}); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, set(r, routes.Change{Metric: 2}))
	mustApply(t, s, add(route(t, "10.1.0.0/16", "192.168.20.1", 2))) // unchanged: no record
	apply(t, s, remove(route(t, "10.9.0.0/16", "192.168.20.1", 2)))  // refused: none either
	if err := s.Note(ctx, caller(), "refused", "uid 7"); err != nil {
		t.Fatal(err)
	}
	recs := auditOf(t, s, store.AuditQuery{})
	if len(recs) != 3 {
		t.Fatalf("%+v", recs)
	}
	note, change, first := recs[0], recs[1], recs[2]
	if first.Sequence != 1 || first.Action != "add" || first.RequestID != "id-1" || first.Caller != caller() || first.Revision != 1 || first.Items != 1 || len(first.Before) != 0 || first.After[0] != r.String() || first.Time.IsZero() {
		t.Fatalf("%+v", first)
	}
	if change.Before[0] != r.String() || len(change.After) != 1 || change.Revision != 2 || note.Action != "refused" || note.Note != "uid 7" || note.Revision != 2 {
		t.Fatalf("%+v %+v", change, note)
	}
	if proof := verified(t, s); proof.Records != 3 || proof.First != 1 || proof.Head != note.Hash {
		t.Fatalf("%+v", proof)
	}
}

func batch(t testing.TB, n int) []store.Item {
	items := make([]store.Item, n)
	for i := range items {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		items[i] = add(route(t, p.String(), "192.168.20.1", 256))
	}
	return items
}

func testAuditBatch(t *testing.T, b Backend) {
	s := open(t, b)
	items := batch(t, 250)
	mustApply(t, s, items...)
	first := auditOf(t, s, store.AuditQuery{})[0]
	if first.Items != 250 || len(first.After) != 250 || len(first.Before) != 0 || first.ItemsDigest == ([32]byte{}) {
		t.Fatalf("%d items, %d after", first.Items, len(first.After))
	}
	for i := range items {
		items[i] = remove(items[i].Route)
	}
	mustApply(t, s, items...)
	// The digest is over all items, not only those that are named.
	other := open(t, b)
	changed := batch(t, 250)
	changed[249].Route = route(t, "10.99.0.0/24", "192.168.20.1", 256)
	mustApply(t, other, changed...)
	if auditOf(t, other, store.AuditQuery{})[0].ItemsDigest == first.ItemsDigest {
		t.Fatal("another batch has the same digest")
	}
	second := auditOf(t, s, store.AuditQuery{Limit: 1})[0]
	if len(second.Before) != 250 || len(second.After) != 0 {
		t.Fatalf("%d before, %d after", len(second.Before), len(second.After))
	}
	verified(t, s)
}

func testAuditQuery(t *testing.T, b Backend) {
	now := newClocks()
	s := openWith(t, b, t.TempDir(), now.settings())
	start := now.wall
	for i := range 10 {
		if i > 0 {
			now.pass(time.Minute)
		}
		who := caller()
		if i%2 == 1 {
			who = store.Caller{Actor: "bob"}
		}
		r := route(t, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16).String(), "192.168.20.1", 1)
		if _, err := s.Apply(t.Context(), store.Request{Caller: who, Items: []store.Item{add(r)}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		q    store.AuditQuery
		want []uint64
	}{
		{store.AuditQuery{Limit: 3}, []uint64{10, 9, 8}},
		{store.AuditQuery{Before: 4}, []uint64{3, 2, 1}},
		{store.AuditQuery{Before: 1}, nil},
		{store.AuditQuery{Before: 99, Limit: 1}, []uint64{10}},
		{store.AuditQuery{Since: start.Add(7 * time.Minute)}, []uint64{10, 9, 8}},
		{store.AuditQuery{Until: start.Add(time.Minute)}, []uint64{2, 1}},
		{store.AuditQuery{Actor: "bob", Limit: 2}, []uint64{10, 8}},
		{store.AuditQuery{Actor: "alice", Before: 4}, []uint64{3, 1}},
		{store.AuditQuery{Destination: prefix("10.1.0.0/16")}, []uint64{2}},
		{store.AuditQuery{Destination: prefix("10.99.0.0/16")}, nil},
		{store.AuditQuery{Routes: 3}, []uint64{10, 9, 8}},
	} {
		recs, more, err := s.Audit(t.Context(), tt.q)
		if err != nil || len(recs) != len(tt.want) || more != (tt.q.Limit+tt.q.Routes > 0 && tt.q.Before != 99) && tt.q.Before != 99 {
			t.Fatalf("%+v: %d records, more %v, %v", tt.q, len(recs), more, err)
		}
		for i, r := range recs {
			if r.Sequence != tt.want[i] {
				t.Fatalf("%+v: record %d is %d", tt.q, i, r.Sequence)
			}
		}
	}
}
