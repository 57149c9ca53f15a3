package boltstore

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// childMode names the part that this test binary plays as a child process.
const childMode = "BOLTSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := children()[mode](os.Getenv("BOLTSTORE_TEST_PATH")); err != nil {
			fmt.Println("child failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// numbered is the n-th of a million routes.
func numbered(n int) routes.Route {
	r, err := routes.New(routes.Fields{
		Interface: "Port3", Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + n>>16), byte(n >> 8), byte(n), 0}), 24),
		NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 256,
	})
	if err != nil {
		panic(err)
	}
	return r
}

func adds(from, n int) []store.Item {
	items := make([]store.Item, n)
	for i := range items {
		items[i] = store.Item{Op: store.OpAdd, Route: numbered(from + i)}
	}
	return items
}

func asking(items ...store.Item) store.Request {
	return store.Request{Caller: store.Caller{Actor: "test"}, Action: "test", Items: items}
}

func addOne(s *Store, n int) error {
	_, err := s.Apply(context.Background(), asking(adds(n, 1)...))
	return err
}

func mustAdd(t testing.TB, s *Store, from, n int) {
	t.Helper()
	if _, err := s.Apply(context.Background(), asking(adds(from, n)...)); err != nil {
		t.Fatal(err)
	}
}

func dbPath(t testing.TB) string { return filepath.Join(t.TempDir(), "hcsroute.db") }

func mustOpen(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sound checks a store with its own check and with bbolt's.
func sound(s *Store) error {
	report, err := s.Check(context.Background())
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%q", report.Problems)
	}
	if err != nil {
		return err
	}
	tx, _, err := s.begin(context.Background())
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for err := range tx.Check() {
		return fmt.Errorf("bbolt's check: %w", err)
	}
	return nil
}

func wantSound(t testing.TB, s *Store) {
	t.Helper()
	if err := sound(s); err != nil {
		t.Fatal(err)
	}
}

func wantReason(t testing.TB, err error, want routes.Reason) {
	t.Helper()
	if got := routes.ReasonOf(err); got != want {
		t.Fatalf("error %v, want %s", err, want)
	}
}
