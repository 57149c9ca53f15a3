package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func notes(t testing.TB, s store.Store, n int) {
	t.Helper()
	for range n {
		if err := s.Note(t.Context(), caller(), "note", "something happened"); err != nil {
			t.Fatal(err)
		}
	}
}

func testAuditTrim(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	settings.AuditAge, settings.AuditBytes, settings.AuditLeast = time.Hour, 10_000, time.Nanosecond
	s := openWith(t, b, t.TempDir(), settings)
	notes(t, s, 10)
	now.pass(30 * time.Minute)
	notes(t, s, 10)
	before := auditOf(t, s, store.AuditQuery{})[10] // the last of those that leave
	now.pass(45 * time.Minute)
	notes(t, s, 1)
	// The trim is in the audit too, with the anchor of what is left.
	if proof := verified(t, s); proof.First != 11 || proof.Records != 12 {
		t.Fatalf("by age: %+v", proof)
	}
	trim := auditOf(t, s, store.AuditQuery{Limit: 1})[0]
	if trim.Action != "audit-trim" || trim.Items != 10 || !strings.Contains(trim.Note, "records 1 to 10 ") || !strings.Contains(trim.Note, fmt.Sprintf("%x", before.Hash)) {
		t.Fatalf("%+v, want the hash %x", trim, before.Hash)
	}
	for range 200 {
		now.pass(time.Second)
		notes(t, s, 1)
	}
	if proof := verified(t, s); proof.Records < 20 || proof.Records > 150 {
		t.Fatalf("by size: %+v", proof)
	}
	now.pass(1000 * time.Hour)
	notes(t, s, 2)
	if proof := verified(t, s); proof.Records > 4 {
		t.Fatalf("%+v", proof)
	}
	wantSound(t, s)
}

// testClockJump: a wall clock that is set wrong drops nothing that is kept for
// a time, whether the service runs meanwhile or not; and it is in the audit.
func testClockJump(t *testing.T, b Backend) {
	const decade = 10 * 365 * 24 * time.Hour
	for _, tt := range []struct {
		name    string
		jump    time.Duration
		restart bool
		boot    string
	}{
		{"ahead", decade, false, "first"}, {"ahead between two starts", decade, true, "first"}, {"ahead between two boots", decade, true, "second"},
		{"back", -decade, false, "first"}, {"back between two boots", -decade, true, "second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, dir := newClocks(), t.TempDir()
			now.up = time.Hour
			settings := now.settings()
			settings.AuditAge = 90 * 24 * time.Hour
			s := b.Open(t, dir, settings)
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
			req := store.Request{RequestID: "one", Caller: caller(), Items: []store.Item{add(r)}}
			if _, err := s.Apply(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			now.pass(time.Minute)
			notes(t, s, 3)
			now.wall = now.wall.Add(tt.jump)
			if tt.restart {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if now.boot = tt.boot; tt.boot != "first" {
					now.up = time.Minute
				}
				s = b.Open(t, dir, settings)
			}
			notes(t, s, 1)
			recs := auditOf(t, s, store.AuditQuery{})
			if len(recs) != 6 || recs[1].Action != "clock-jump" || !strings.Contains(recs[1].Note, now.wall.UTC().Format(time.RFC3339)) || recs[5].Sequence != 1 {
				t.Fatalf("%d records: %+v", len(recs), recs)
			}
			if res, err := s.Apply(t.Context(), req); err != nil || !res.Replayed {
				t.Fatalf("the request id: %+v %v", res, err)
			}
			// Nothing was gained by it either: what really elapses still counts.
			now.pass(80 * 24 * time.Hour)
			notes(t, s, 1)
			if n := len(auditOf(t, s, store.AuditQuery{})); n != 7 {
				t.Fatalf("%d records after 80 days", n)
			}
			if res, err := s.Apply(t.Context(), req); err != nil || res.Replayed {
				t.Fatalf("the request id after 80 days: %+v %v", res, err)
			}
			now.pass(20 * 24 * time.Hour)
			notes(t, s, 2)
			if recs := auditOf(t, s, store.AuditQuery{}); recs[len(recs)-1].Sequence < 6 {
				t.Fatalf("record %d is left after 100 days", recs[len(recs)-1].Sequence)
			}
			wantSound(t, s)
			verified(t, s)
		})
	}
}

// testAuditLeast: who writes much drives nobody's records out before their
// time, and is refused at last, while others go on.
func testAuditLeast(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	settings.AuditBytes, settings.AuditLeast = 16_000, time.Hour
	s := openWith(t, b, t.TempDir(), settings)
	if err := s.Note(t.Context(), store.Caller{Actor: "victim"}, "note", "evidence"); err != nil {
		t.Fatal(err)
	}
	flood := func(from int) (n int, err error) {
		for n = from; err == nil && n < from+3000; n++ {
			items := batch(t, 500)
			for i := range items {
				if n%2 == 1 {
					items[i] = remove(items[i].Route)
				}
			}
			_, err = s.Apply(t.Context(), store.Request{Caller: store.Caller{Actor: "loud"}, Action: "flood", Items: items})
		}
		return n, err
	}
	n, err := flood(0)
	wantReason(t, err, routes.Unavailable)
	if recs := auditOf(t, s, store.AuditQuery{Actor: "victim"}); len(recs) != 1 {
		t.Fatalf("the evidence is gone after %d changes", n)
	}
	r := route(t, "172.20.0.0/16", "192.168.20.1", 1)
	res, err := s.Apply(t.Context(), store.Request{Caller: store.Caller{Actor: "quiet"}, Items: []store.Item{add(r)}})
	if err != nil || !res.Committed {
		t.Fatalf("another actor: %+v %v", res, err)
	}
	now.pass(2 * time.Hour)
	notes(t, s, 20)
	if _, err := s.Apply(t.Context(), store.Request{Caller: store.Caller{Actor: "loud"}, Items: []store.Item{remove(r)}}); err != nil {
		t.Fatalf("when old records have left: %v", err)
	}
	verified(t, s)
	wantSound(t, s)
}

// testAuditArchive: a record leaves the store only when it is elsewhere.
func testAuditArchive(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	var left []store.AuditRecord
	broken, refused := true, 0
	settings.AuditAge = time.Hour
	settings.Archive = func(recs []store.AuditRecord) error {
		if broken {
			refused++
			return errors.New("injected")
		}
		left = append(left, recs...)
		return nil
	}
	s := openWith(t, b, t.TempDir(), settings)
	mustApply(t, s, batch(t, 150)...)
	want := auditOf(t, s, store.AuditQuery{})[0]
	now.pass(2 * time.Hour)
	notes(t, s, 5)
	if proof := verified(t, s); proof.First != 1 || proof.Records != 6 || refused != 1 {
		t.Fatalf("%+v, %d refused", proof, refused)
	}
	if problem := s.Info().ArchiveProblem; problem != "injected" {
		t.Errorf("records cannot leave, and the store says %q", problem)
	}
	broken = false
	now.pass(2 * time.Minute)
	notes(t, s, 1)
	if problem := s.Info().ArchiveProblem; problem != "" {
		t.Errorf("records left, and the store says %q", problem)
	}
	if proof := verified(t, s); proof.First != 2 || len(left) != 1 || left[0].Hash != want.Hash || len(left[0].After) != 150 {
		t.Fatalf("%+v, left: %+v", proof, left)
	}
}

// testAuditNoChange: what changed nothing is counted at the latest at the end.
func testAuditNoChange(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r))
	for range 3 {
		apply(t, s, add(r), remove(route(t, "10.9.0.0/16", "192.168.20.1", 1)))
	}
	if _, err := s.Apply(t.Context(), store.Request{Caller: caller(), ExpectedRevision: 77, Items: []store.Item{add(r)}}); err == nil {
		t.Fatal("another revision was taken")
	}
	if _, err := s.Apply(t.Context(), store.Request{Caller: caller(), ValidateOnly: true, Items: []store.Item{add(r)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	recs := auditOf(t, s, store.AuditQuery{})
	if len(recs) != 2 || recs[0].Action != "no-change" || recs[0].Items != 7 || recs[0].Refused != 4 || recs[0].Caller.Actor != caller().Actor ||
		!strings.Contains(recs[0].Note, "4 calls") || !strings.Contains(recs[0].Note, "3 NOT_FOUND, 1 REVISION_MISMATCH") {
		t.Fatalf("%+v", recs)
	}
	verified(t, s)
}
