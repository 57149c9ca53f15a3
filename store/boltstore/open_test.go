package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// someStore makes a store with a bit of everything and returns its file.
func someStore(t testing.TB) (path string, content []byte) {
	t.Helper()
	path = dbPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, 0, 300)
	if err := s.Know(context.Background(), store.KnownNode{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	req := asking()
	req.RequestID = "id"
	for n := range 30 {
		r := numbered(n)
		req.Items = append(req.Items, store.Item{Op: store.OpRemove, Selector: routes.Selector{Interface: r.Interface(), Destination: r.Destination()}})
	}
	if _, err := s.Apply(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Without the room to grow, in which damage does nothing.
	content, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMeta(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(m.pages) * m.pageSize
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path, content[:size]
}

// edit changes the file of a closed store through bbolt.
func edit(t testing.TB, path string, fn func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, boltOptions(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamage flips bytes of the file. The store is refused with a named
// reason, or it holds exactly what it held; it never panics, and a file that
// is refused stays as it is.
func TestDamage(t *testing.T) {
	path, content := someStore(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := s.Info().Version
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	places := []int{}
	for i := range 80 { // all that the two meta pages hold
		places = append(places, i, os.Getpagesize()+i)
	}
	random := 300
	if testing.Short() {
		random = 100
	}
	for range random {
		places = append(places, rand.IntN(len(content)))
	}
	refused := 0
	for _, at := range places {
		bad := bytes.Clone(content)
		bad[at] ^= byte(1 + rand.IntN(255))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			refused++
			wantReason(t, err, routes.StoreFailed)
			if now, _ := os.ReadFile(path); !bytes.Equal(now, bad) {
				t.Fatalf("byte %d: refused, but the file was changed", at)
			}
			continue
		}
		// The older of the two meta pages may be the one that is left.
		if v := s.Info().Version; v != want && at >= 2*os.Getpagesize() {
			t.Fatalf("byte %d: version %+v, was %+v", at, v, want)
		}
		wantCount := s.Info().Version.Count
		recs, _, err := s.List(context.Background(), store.Query{})
		if err != nil || uint64(len(recs)) != wantCount {
			t.Fatalf("byte %d: %d records, %v", at, len(recs), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Fatal("no damage was found")
	}
	t.Logf("%d of %d damaged files refused, the others hold the same routes", refused, len(places))
}

func TestOpenRefuses(t *testing.T) {
	path, content := someStore(t)
	other := dbPath(t)
	edit(t, other, func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err })
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, problem string
		content       []byte
	}{
		{"empty", "meta page", nil},
		{"text", "meta page", []byte(strings.Repeat("store: yes\n", 1000))},
		{"cut", "pages", content[:len(content)/2]},
		{"cut by a page", "pages", content[:3*os.Getpagesize()]},
		{"another program's", "not a route store", foreign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, Options{})
			wantReason(t, err, routes.StoreFailed)
			if !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), path) {
				t.Fatal(err)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, tt.content) {
				t.Fatal("the file was changed")
			}
			if _, _, err := CheckFile(context.Background(), path); err == nil {
				t.Fatal("CheckFile found nothing")
			}
		})
	}
	dir := t.TempDir()
	_, err = Open(dir, Options{})
	wantReason(t, err, routes.StoreFailed)
}

func TestNewerSchema(t *testing.T) {
	path, _ := someStore(t)
	edit(t, path, func(tx *bolt.Tx) error { return putSchema(tx, schema+1) })
	_, err := Open(path, Options{})
	wantReason(t, err, routes.StoreFailed)
	if !strings.Contains(err.Error(), "newer") {
		t.Fatal(err)
	}
}

// TestMigration opens a store of schema 1, which had no bucket expiry.
func TestMigration(t *testing.T) {
	path, _ := someStore(t)
	edit(t, path, func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket([]byte(expiryBucket)), putSchema(tx, 1))
	})
	if _, _, err := CheckFile(context.Background(), path); err == nil {
		t.Fatal("CheckFile reads a store of schema 1")
	}
	s := mustOpen(t, path, Options{})
	wantSound(t, s)
	res, err := s.Apply(context.Background(), store.Request{RequestID: "id"})
	if err != nil || !res.Replayed {
		t.Fatalf("%+v %v", res, err)
	}
	mustAdd(t, s, 1000, 1)
	wantSound(t, s)
}

// TestContentDamage changes records in ways that leave the pages whole.
func TestContentDamage(t *testing.T) {
	ctx := context.Background()
	bucketOf := func(tx *bolt.Tx, name string) *bolt.Bucket { return tx.Bucket([]byte(name)) }
	for _, tt := range []struct {
		name  string
		opens bool
		edit  func(*bolt.Tx) error
	}{
		{"a route is missing", false, func(tx *bolt.Tx) error {
			return bucketOf(tx, routesBucket).Delete(routes.AppendKey(nil, numbered(99).Key()))
		}},
		{"another metric", false, func(tx *bolt.Tx) error {
			f := numbered(99).Fields()
			f.Metric = 9
			r, _ := routes.New(f)
			key := routes.AppendKey(nil, r.Key())
			return bucketOf(tx, routesBucket).Put(key, seal(key, appendRecord(nil, routes.Record{Route: r, Revision: 1, Created: 1})))
		}},
		{"a bucket is missing", false, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(auditBucket)) }},
		{"a tombstone is missing", false, func(tx *bolt.Tx) error {
			return bucketOf(tx, tombstoneBucket).Delete(routes.AppendKey(nil, numbered(9).Key()))
		}},
		{"nobody waits", true, func(tx *bolt.Tx) error {
			k, _ := bucketOf(tx, waitingBucket).Cursor().First()
			return bucketOf(tx, waitingBucket).Delete(k)
		}},
		{"a request id never expires", true, func(tx *bolt.Tx) error {
			k, _ := bucketOf(tx, expiryBucket).Cursor().First()
			return bucketOf(tx, expiryBucket).Delete(k)
		}},
		{"the audit was changed", true, func(tx *bolt.Tx) error {
			v := bytes.Replace(bucketOf(tx, auditBucket).Get(sequenceKey(1)), []byte("test"), []byte("pest"), 1)
			return bucketOf(tx, auditBucket).Put(sequenceKey(1), v)
		}},
		{"the audit was cut", true, func(tx *bolt.Tx) error { return bucketOf(tx, auditBucket).Delete(sequenceKey(2)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, _ := someStore(t)
			edit(t, path, tt.edit)
			report, _, err := CheckFile(ctx, path)
			if err == nil && len(report.Problems) == 0 {
				t.Fatal("CheckFile found nothing")
			}
			s, err := Open(path, Options{})
			if !tt.opens {
				wantReason(t, err, routes.StoreFailed)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if report, err := s.Check(ctx); err != nil || len(report.Problems) == 0 {
				t.Fatalf("%+v %v", report, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Restore(ctx, path, dbPath(t), store.Caller{}); err == nil {
				t.Fatal("restored a damaged backup")
			}
		})
	}
}

// TestCycle leads branches back to themselves: bbolt would follow them for ever.
func TestCycle(t *testing.T) {
	path, content := someStore(t)
	size, cycles := os.Getpagesize(), 0
	for at := 2 * size; at < len(content); at += size {
		if binary.NativeEndian.Uint16(content[at+8:]) != branchPage {
			continue
		}
		cycles++
		bad := bytes.Clone(content)
		binary.NativeEndian.PutUint64(bad[at+pageHeader+8:], uint64(at/size))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err == nil {
			// A page that is free now may hold anything.
			cycles--
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		} else if !strings.Contains(err.Error(), "used twice") {
			t.Fatal(err)
		}
	}
	if cycles == 0 {
		t.Fatal("no cycle was met")
	}
}

func TestLeftovers(t *testing.T) {
	path, _ := someStore(t)
	for _, temp := range []string{creationPath(path), compactionPath(path), restorePath(path)} {
		if err := os.WriteFile(temp, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustOpen(t, path, Options{})
	for _, temp := range []string{creationPath(path), compactionPath(path), restorePath(path)} {
		if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s: %v", temp, err)
		}
	}
}
