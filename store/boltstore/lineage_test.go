package boltstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// held is what a node keeps of the store's version.
type held struct {
	version       routes.Version
	authenticator []byte
}

func hold(s *Store) held {
	v := s.Info().Version
	return held{v, s.Authenticator(v)}
}

// judged is the standing, which is noted nowhere.
func judged(s *Store, h held) store.Standing {
	l, now := s.log.lineage()
	return s.standing(l, now, h.version, h.authenticator)
}

func wantStanding(t *testing.T, s *Store, h held, want store.Standing) {
	t.Helper()
	if got := judged(s, h); got != want {
		t.Fatalf("revision %d has the standing %d, want %d; the store is at %d", h.version.Revision, got, want, s.Info().Version.Revision)
	}
}

func reopen(t *testing.T, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, s.path, Options{})
}

// spoilMeta flips a bit of the newer meta page of a store that is closed.
func spoilMeta(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := parseMeta(content)
	second, _ := parseMeta(content[first.pageSize:])
	at := int64(0)
	if second.transaction > first.transaction {
		at = first.pageSize
	}
	content[at+pageHeader+16] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInvalidMetaPage: bbolt silently goes on from the change before, which
// is only good when somebody says so. What a node holds proves the loss, also
// when other changes took the lost one's revision and the service was
// restarted, until an operator accepts it.
func TestInvalidMetaPage(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 1)
	kept := hold(s)
	mustAdd(t, s, 1, 1)
	lost := hold(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoilMeta(t, s.path)
	if report, v, err := CheckFile(ctx, s.path); err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0], "meta page") || v != kept.version {
		t.Fatalf("CheckFile: %+v %+v %v", report, v, err)
	}
	var log bytes.Buffer
	s = mustOpen(t, s.path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(s.Info().Opened, "meta page") {
		t.Fatalf("%q, log %s", s.Info().Opened, log.String())
	}
	wantStanding(t, s, kept, store.Issued)
	wantStanding(t, s, lost, store.Lost)
	mustAdd(t, s, 10, 1) // takes the revision of the lost one, and makes the page good
	if report, err := s.Check(ctx); err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0], "meta page") {
		t.Fatalf("Check: %+v %v", report, err)
	}
	for n := range 3 {
		s = reopen(t, s)
		mustAdd(t, s, 20+n, 1)
		wantStanding(t, s, lost, store.Lost)
		wantStanding(t, s, kept, store.Issued)
		wantStanding(t, s, hold(s), store.Issued)
	}
	wantSound(t, s)
	for range 2 {
		if got, err := s.Judge(ctx, "k8s-master", lost.version, lost.authenticator); got != store.Lost || err != nil {
			t.Fatal(got, err)
		}
	}
	s = reopen(t, s)
	if l := s.Losses(); len(l) != 1 || l[0].Node != "k8s-master" || l[0].Version != lost.version {
		t.Fatalf("losses %+v", l)
	}
	if err := s.Accept(ctx, store.Caller{Actor: "root"}, s.Losses()); err != nil {
		t.Fatal(err)
	}
	recs, _, err := s.Audit(ctx, store.AuditQuery{Limit: 2})
	if err != nil || recs[0].Action != "accept-loss" || recs[0].Caller.Actor != "root" || recs[1].Action != "loss-proved" {
		t.Fatalf("%+v %v", recs, err)
	}
	s = reopen(t, s)
	wantStanding(t, s, lost, store.Superseded)
	if i := s.Info(); len(s.Losses()) > 0 || !i.Version.Newer(lost.version) || i.Version.Epoch != 2 {
		t.Fatalf("%+v", i)
	}
	wantStanding(t, s, hold(s), store.Issued)
	wantSound(t, s)
}

// TestOpenedIsForgottenWhenAccepted: the remedy ends the finding.
func TestOpenedIsForgottenWhenAccepted(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoilMeta(t, s.path)
	s = mustOpen(t, s.path, Options{})
	if err := s.Accept(context.Background(), store.Caller{}, s.Losses()); err != nil || s.Info().Opened != "" {
		t.Fatalf("%q %v", s.Info().Opened, err)
	}
	wantSound(t, s)
}

// TestAFileOfBefore: an older file under the store's name is a loss as well,
// since no restore has said otherwise; also where the life that wrote the
// lost versions is unknown in it.
func TestAFileOfBefore(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 1)
	old := backupOf(t, s)
	mustAdd(t, s, 1, 1)
	same := hold(s)
	s = reopen(t, s)
	mustAdd(t, s, 2, 1)
	later := hold(s)
	back := mustOpen(t, old, Options{})
	for range 2 {
		wantStanding(t, back, same, store.Lost)
		wantStanding(t, back, later, store.Lost)
		mustAdd(t, back, 10, 5)
	}
}

// TestRestoreSupersedes: an operator who restores says that what came after is
// gone, however often.
func TestRestoreSupersedes(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 1)
	backup := backupOf(t, s)
	before := hold(s)
	mustAdd(t, s, 1, 1)
	after := hold(s)
	for range 2 {
		path := dbPath(t) // the present file is lost
		if _, err := Restore(ctx, backup, path, store.Caller{}); err != nil {
			t.Fatal(err)
		}
		restored := mustOpen(t, path, Options{})
		wantStanding(t, restored, before, store.Superseded)
		wantStanding(t, restored, after, store.Superseded)
		mustAdd(t, restored, 5, 1)
		wantStanding(t, restored, hold(restored), store.Issued)
		after = hold(restored)
	}
}

// TestForgedClaims: nothing but what the store gave away proves anything.
func TestForgedClaims(t *testing.T) {
	s, other := mustOpen(t, dbPath(t), Options{}), mustOpen(t, dbPath(t), Options{})
	mustAdd(t, s, 0, 3)
	good := hold(s)
	wantStanding(t, s, good, store.Issued)
	wantStanding(t, other, good, store.Unproven)
	wantStanding(t, s, held{good.version, nil}, store.Unproven)
	wantStanding(t, s, held{good.version, append(bytes.Clone(good.authenticator), 0)}, store.Unproven)
	for i := range good.authenticator {
		bad := bytes.Clone(good.authenticator)
		bad[i] ^= 1
		wantStanding(t, s, held{good.version, bad}, store.Unproven)
	}
	for name, forge := range map[string]func(*routes.Version){
		"epoch":    func(v *routes.Version) { v.Epoch = math.MaxUint64 - 1 },
		"revision": func(v *routes.Version) { v.Revision++ },
		"count":    func(v *routes.Version) { v.Count-- },
		"digest":   func(v *routes.Version) { v.Digest[0]++ },
		"store":    func(v *routes.Version) { v.StoreID = other.Info().Version.StoreID },
	} {
		bad := good
		forge(&bad.version)
		if got := judged(s, bad); got != store.Unproven {
			t.Errorf("another %s: standing %d", name, got)
		}
	}
}

// TestEpochsDoNotWrap: after the last one nothing is raised, and the store
// stays as it is.
func TestEpochsDoNotWrap(t *testing.T) {
	ctx := context.Background()
	path, _ := someStore(t)
	edit(t, path, func(tx *bolt.Tx) error {
		st, err := readState(tx)
		st.version.Epoch = math.MaxUint64
		return errors.Join(err, tx.Bucket([]byte(metaBucket)).Put([]byte(stateKey), st.sealed()))
	})
	s := mustOpen(t, path, Options{})
	before := s.Info().Version
	wantReason(t, s.RaiseEpoch(ctx, math.MaxUint64, store.Caller{}), routes.StoreFailed)
	wantReason(t, s.Accept(ctx, store.Caller{}, s.Losses()), routes.StoreFailed)
	if got := s.Info().Version; got != before {
		t.Fatalf("%+v, was %+v", got, before)
	}
	backup := backupOf(t, s)
	if _, err := Restore(ctx, backup, dbPath(t), store.Caller{}); routes.ReasonOf(err) != routes.StoreFailed || !strings.Contains(err.Error(), "adopt") {
		t.Fatalf("restored past the last epoch: %v", err)
	}
	mustAdd(t, s, 500, 1)
	wantSound(t, s)
}

// TestLivesAreBounded: of a life that is forgotten, only what is newer than
// the store is known to be lost.
func TestLivesAreBounded(t *testing.T) {
	l, err := newLineage(0, false)
	if err != nil {
		t.Fatal(err)
	}
	first := claim{timeline: l.timeline, id: l.lives[0].id, version: routes.Version{Epoch: 1, Revision: 7}}
	for i := range maxLives {
		if l, err = l.born(routes.Revision(5 + i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.lives) != maxLives || l.before != 1 {
		t.Fatalf("%d lives after %d", len(l.lives), l.before)
	}
	now := routes.Version{Epoch: 1, Revision: 1000}
	if got := l.judge(first, now); got != store.Issued {
		t.Errorf("standing %d", got)
	}
	first.version.Revision = 1001
	if got := l.judge(first, now); got != store.Lost {
		t.Errorf("standing %d", got)
	}
	again, err := openLineage(l.sealed())
	if err != nil || again.before != 1 || len(again.lives) != maxLives || again.lives[9] != l.lives[9] || again.timeline != l.timeline {
		t.Errorf("%+v %v", again, err)
	}
}

// TestBeforeTheKey: a store of schema 2 gets a key when it is opened, and a
// backup of one when it is restored.
func TestBeforeTheKey(t *testing.T) {
	path, _ := someStore(t)
	edit(t, path, func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte(metaBucket))
		return errors.Join(meta.Delete([]byte(secretKey)), meta.Delete([]byte(lineageKey)), putSchema(tx, 2))
	})
	restored := dbPath(t)
	if _, err := Restore(context.Background(), path, restored, store.Caller{}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, restored} {
		s := mustOpen(t, path, Options{})
		h := hold(s)
		wantStanding(t, s, h, store.Issued)
		s = reopen(t, s)
		wantStanding(t, s, h, store.Issued)
		wantSound(t, s)
	}
}
