package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
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

// testAuditLeast: an actor who writes much drives nobody's records out before their
// time, and is refused at last, while others go on.
func testAuditLeast(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	settings.AuditBytes, settings.AuditLeast = 256_000, time.Hour
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
	r, other := route(t, "172.20.0.0/16", "192.168.20.1", 1), route(t, "172.21.0.0/16", "192.168.20.1", 1)
	by := func(actor string, owner bool, item store.Item) error {
		t.Helper()
		res, err := s.Apply(t.Context(), store.Request{Caller: store.Caller{Actor: actor}, Owner: owner, Items: []store.Item{item}})
		if err == nil && !res.Committed {
			t.Fatalf("%+v", res)
		}
		return err
	}
	if err := by("quiet", false, add(r)); err != nil {
		t.Fatalf("another actor: %v", err)
	}
	// What has to be possible at any time: removals, and all that the device's
	// own admin does.
	wantReason(t, by("loud", false, add(other)), routes.Unavailable)
	wantReason(t, by("loud", false, set(r, routes.Change{Metric: 9})), routes.Unavailable)
	if err := by("loud", false, remove(r)); err != nil {
		t.Fatalf("a removal: %v", err)
	}
	if err := by("loud", true, add(r)); err != nil {
		t.Fatalf("an admin of the device: %v", err)
	}
	now.pass(2 * time.Hour)
	notes(t, s, 20)
	if err := by("loud", false, add(other)); err != nil {
		t.Fatalf("when old records have left: %v", err)
	}
	verified(t, s)
	wantSound(t, s)
}

// testAuditFullArchive: an actor who is refused because records cannot leave for the
// archive learns so, and is not asked to wait for an age that they have long reached.
func testAuditFullArchive(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	settings.AuditBytes, settings.AuditLeast = 64_000, time.Nanosecond
	settings.Archive = func([]store.AuditRecord) error { return errors.New("injected") }
	s := openWith(t, b, t.TempDir(), settings)
	var err error
	for n := 0; err == nil; n++ {
		now.pass(time.Second)
		items := batch(t, 2000)
		for i := range items {
			if n%2 == 1 {
				items[i] = remove(items[i].Route)
			}
		}
		_, err = s.Apply(t.Context(), store.Request{Caller: store.Caller{Actor: "loud"}, Items: items})
		Eventually(t, "the archive has refused", func() bool { return n < 10 || s.Info().ArchiveProblem != "" })
	}
	wantReason(t, err, routes.Unavailable)
	if text := err.Error(); !strings.Contains(text, "injected") || !strings.Contains(text, "store.archive") || strings.Contains(text, settings.AuditLeast.String()) {
		t.Errorf("the refusal says %s", text)
	}
}

// Eventually waits for what happens beside the caller, for a minute at most.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	again, limit := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// testAuditArchive: a record leaves the store only when it is elsewhere.
func testAuditArchive(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	var left []store.AuditRecord
	var broken atomic.Bool
	var refused atomic.Int32
	broken.Store(true)
	settings.AuditAge = time.Hour
	settings.Archive = func(recs []store.AuditRecord) error {
		if broken.Load() {
			refused.Add(1)
			return errors.New("injected")
		}
		left = append(left, recs...) // read once the trim has sent its signal
		return nil
	}
	s := openWith(t, b, t.TempDir(), settings)
	mustApply(t, s, batch(t, 150)...)
	want := auditOf(t, s, store.AuditQuery{})[0]
	now.pass(2 * time.Hour)
	notes(t, s, 1)
	Eventually(t, "the problem of the archive shows", func() bool { return s.Info().ArchiveProblem == "injected" })
	notes(t, s, 4)
	if proof := verified(t, s); proof.First != 1 || proof.Records != 6 || refused.Load() != 1 {
		t.Fatalf("%+v, %d refused", proof, refused.Load())
	}
	broken.Store(false)
	now.pass(2 * time.Minute)
	notes(t, s, 1)
	Eventually(t, "records leave", func() bool { return verified(t, s).First > 1 })
	if problem := s.Info().ArchiveProblem; problem != "" {
		t.Errorf("records left, and the store says %q", problem)
	}
	if proof := verified(t, s); proof.First != 2 || len(left) != 1 || left[0].Hash != want.Hash || len(left[0].After) != 150 {
		t.Fatalf("%+v, left: %+v", proof, left)
	}
}

// testSlowArchive: no change waits for the archive, and what leaves is what it
// has taken, once.
func testSlowArchive(t *testing.T, b Backend) {
	now := newClocks()
	settings := now.settings()
	settings.AuditAge = time.Hour
	taken, release := make(chan []store.AuditRecord, 10), make(chan struct{})
	settings.Archive = func(recs []store.AuditRecord) error {
		taken <- recs
		<-release
		return nil
	}
	s := openWith(t, b, t.TempDir(), settings)
	notes(t, s, 10)
	now.pass(2 * time.Hour)
	changed := make(chan error, 1)
	go func() { changed <- s.Note(t.Context(), caller(), "note", "the first that makes them due") }()
	recs := <-taken
	select {
	case err := <-changed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("a change waits for the archive")
		close(release)
		return
	}
	notes(t, s, 10)
	if proof := verified(t, s); proof.First != 1 || proof.Records != 21 {
		t.Errorf("%+v before the archive has taken anything", proof)
	}
	close(release)
	Eventually(t, "the records leave", func() bool { return verified(t, s).First == 11 })
	if len(recs) != 10 || recs[0].Sequence != 1 || recs[9].Sequence != 10 {
		t.Errorf("the archive has %+v", recs)
	}
	if trim := auditOf(t, s, store.AuditQuery{Limit: 1})[0]; trim.Action != "audit-trim" || trim.Items != 10 {
		t.Errorf("the trim: %+v", trim)
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
