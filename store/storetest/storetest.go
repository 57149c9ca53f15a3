// Package storetest is the conformance suite of store.Store: what it asks for
// every backend does, and a backend's own tests ask for nothing that is here.
package storetest

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Backend is a kind of store under test.
type Backend struct {
	// Open opens the store in a folder and makes it where there is none. The
	// suite closes it, and may open the folder again.
	Open func(t testing.TB, dir string, s Settings) store.Store
	// OpenBackup opens what Store.Backup wrote, in an empty folder.
	OpenBackup func(t testing.TB, dir string, backup []byte) store.Store
}

// Settings are what the suite needs to control. Zero fields mean the defaults.
type Settings struct {
	Now          func() time.Time               // clock for what is stored
	Uptime       func() (string, time.Duration) // what has really elapsed
	EventChanges int                            // changes that the event log keeps
	AuditAge     time.Duration
	AuditBytes   uint64
	AuditLeast   time.Duration // age of records that leave because of their size
	Archive      func([]store.AuditRecord) error
}

// clocks are a wall clock, which may be set, and the time since a boot.
type clocks struct {
	mu   sync.Mutex
	wall time.Time
	boot string
	up   time.Duration
}

func newClocks() *clocks { return &clocks{wall: time.Unix(1_700_000_000, 0), boot: "first"} }

func (c *clocks) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.up = c.wall.Add(d), c.up+d
}

func (c *clocks) settings() Settings {
	return Settings{
		Now: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.wall
		},
		Uptime: func() (string, time.Duration) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.boot, c.up
		},
	}
}

// Run runs the suite.
func Run(t *testing.T, b Backend) {
	tests := []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"Identity", testIdentity}, {"Add", testAdd}, {"AddChecked", testAddChecked}, {"Force", testForce}, {"Swap", testSwap}, {"SetMetric", testSetMetric}, {"SetNextHop", testSetNextHop}, {"Room", testRoom}, {"RoomIsJudgedInOrder", testRoomIsJudgedInOrder},
		{"SetRefused", testSetRefused}, {"Remove", testRemove}, {"RemoveSeveral", testRemoveSeveral}, {"Tombstones", testTombstones},
		{"Partial", testPartial}, {"Atomic", testAtomic}, {"ValidateOnly", testValidateOnly}, {"ItemsInOrder", testItemsInOrder}, {"NetChanges", testNetChanges},
		{"ExpectedRevision", testExpectedRevision}, {"RequestID", testRequestID}, {"RequestIDExpires", testRequestIDExpires}, {"Panics", testPanics},
		{"ListPages", testListPages}, {"ListFilters", testListFilters}, {"Snapshot", testSnapshot}, {"Has", testHas},
		{"Since", testSince}, {"SinceBounded", testSinceBounded}, {"Changed", testChanged}, {"ChangedWhileOthersWrite", testChangedWhileOthersWrite}, {"Proofs", testProofs},
		{"Nodes", testNodes}, {"Prove", testProve}, {"Forget", testForget}, {"Epoch", testEpoch},
		{"Audit", testAudit}, {"AuditBatch", testAuditBatch}, {"AuditTrim", testAuditTrim}, {"AuditLeast", testAuditLeast}, {"AuditArchive", testAuditArchive}, {"AuditFullArchive", testAuditFullArchive}, {"SlowArchive", testSlowArchive}, {"AuditNoChange", testAuditNoChange}, {"ClockJump", testClockJump}, {"AuditQuery", testAuditQuery},
		{"Backup", testBackup}, {"Compact", testCompact}, {"Concurrent", testConcurrent}, {"Cancelled", testCancelled}, {"Closed", testClosed},
		{"Model", testModel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, b) })
	}
}

func open(t *testing.T, b Backend) store.Store {
	return openWith(t, b, t.TempDir(), Settings{})
}

func openWith(t *testing.T, b Backend, dir string, s Settings) store.Store {
	t.Helper()
	st := b.Open(t, dir, s)
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return st
}

func caller() store.Caller {
	return store.Caller{Actor: "uid:1000", Certificate: "serial 1 sha256 2", OnBehalfOf: "alice", Origin: "unix"}
}

// route makes "destination next-hop metric" on Port3, or fails.
func route(t testing.TB, destination, nextHop string, metric int64) routes.Route {
	return parsed(t, routes.Text{Interface: "Port3", Destination: destination, NextHop: nextHop, Metric: metric})
}

func parsed(t testing.TB, text routes.Text) routes.Route {
	t.Helper()
	r, err := routes.Parse(text)
	if err != nil {
		t.Fatalf("route: %v", err)
	}
	return r
}

func add(r routes.Route) store.Item { return store.Item{Op: store.OpAdd, Route: r} }

func remove(r routes.Route) store.Item {
	return store.Item{Op: store.OpRemove, Selector: exactly(r)}
}

func exactly(r routes.Route) routes.Selector {
	return routes.Selector{Interface: r.Interface(), Destination: r.Destination(), NextHop: r.NextHop()}
}

func set(r routes.Route, c routes.Change) store.Item {
	return store.Item{Op: store.OpSet, Selector: exactly(r), Change: c}
}

// apply carries out items as one partial request, and checks the store after it.
func apply(t testing.TB, s store.Store, items ...store.Item) store.Result {
	t.Helper()
	res, err := s.Apply(t.Context(), store.Request{Caller: caller(), Action: "test", Items: items})
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return res
}

// mustApply is apply where no item may be refused.
func mustApply(t testing.TB, s store.Store, items ...store.Item) store.Result {
	t.Helper()
	res := apply(t, s, items...)
	for i, it := range res.Items {
		if it.Err != nil {
			t.Fatalf("item %d: %v", i, it.Err)
		}
	}
	return res
}

func wantOutcome(t testing.TB, res store.Result, want ...routes.Outcome) {
	t.Helper()
	for i, w := range want {
		if got := res.Items[i]; got.Outcome != w || got.Err != nil {
			t.Fatalf("item %d: %s (%v), want %s", i, got.Outcome, got.Err, w)
		}
	}
}

func wantReason(t testing.TB, err error, want routes.Reason) {
	t.Helper()
	if got := routes.ReasonOf(err); got != want {
		t.Fatalf("error %v, want %s", err, want)
	}
}

// refusal is an item's error as one that may be nil.
func refusal(r store.ItemResult) error {
	if r.Err == nil {
		return nil
	}
	return r.Err
}

func list(t testing.TB, s store.Store, q store.Query) []routes.Record {
	t.Helper()
	recs, _, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return recs
}

func know(t testing.TB, s store.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Know(t.Context(), store.KnownNode{ID: id, Name: "node " + id}); err != nil {
			t.Fatalf("Know: %v", err)
		}
	}
}

// wantSound checks that the store is whole and that its version is that of its routes.
func wantSound(t testing.TB, s store.Store) {
	t.Helper()
	report, err := s.Check(t.Context())
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("Check: %v %q", err, report.Problems)
	}
	var live []routes.Route
	for _, rec := range list(t, s, store.Query{}) {
		live = append(live, rec.Route)
	}
	v := s.Info().Version
	if v.Count != uint64(len(live)) || v.Digest != routes.DigestOf(live) {
		t.Fatalf("version %+v is not that of the %d routes", v, len(live))
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func hop(s string) netip.Addr { return netip.MustParseAddr(s) }
