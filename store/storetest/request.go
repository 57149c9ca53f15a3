package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func testPartial(t *testing.T, b Backend) {
	s := open(t, b)
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.2.0.0/16", "192.168.20.1", 1)
	given := &routes.Error{Reason: routes.ProtectedPrefix}
	res := apply(t, s, add(r1), remove(r2), store.Item{Op: store.OpAdd, Refused: given}, add(r2), store.Item{Op: 99}, store.Item{Op: store.OpAdd})
	wantOutcome(t, res, routes.Created)
	wantReason(t, refusal(res.Items[1]), routes.NotFound)
	if res.Items[2].Err != given || res.Items[3].Outcome != routes.Created || !res.Committed || res.Revision != 1 {
		t.Fatalf("result %+v", res)
	}
	wantReason(t, refusal(res.Items[4]), routes.BadRequest)
	wantReason(t, refusal(res.Items[5]), routes.BadRequest)
	if v := s.Info().Version; v.Count != 2 || v.Revision != 1 {
		t.Fatalf("version %+v", v)
	}
	res = apply(t, s)
	if !res.Committed || res.Revision != 1 {
		t.Fatalf("nothing asked for: %+v", res)
	}
	wantSound(t, s)
}

func testAtomic(t *testing.T, b Backend) {
	s := open(t, b)
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.2.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r1))
	before := s.Info()
	req := store.Request{Atomic: true, Items: []store.Item{add(r2), remove(r1), set(r2, routes.Change{Metric: 7}), remove(route(t, "10.3.0.0/16", "192.168.20.1", 1))}}
	res, err := s.Apply(t.Context(), req)
	if err != nil || res.Committed || res.Revision != before.Version.Revision {
		t.Fatalf("%+v %v", res, err)
	}
	wantOutcome(t, res, routes.Created, routes.Deleted, routes.Updated)
	wantReason(t, refusal(res.Items[3]), routes.NotFound)
	if s.Info() != before {
		t.Fatalf("refused, but %+v, was %+v", s.Info(), before)
	}
	wantSound(t, s)
	req.Items = req.Items[:3]
	if res, err = s.Apply(t.Context(), req); err != nil || !res.Committed || res.Revision != 2 {
		t.Fatalf("%+v %v", res, err)
	}
	wantSound(t, s)
}

func testValidateOnly(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	before := s.Info()
	// The decisions are those of the request carried out: later items see earlier ones.
	req := store.Request{ValidateOnly: true, RequestID: "dry", Items: []store.Item{add(r), add(r), set(r, routes.Change{Metric: 2}), remove(r), remove(r)}}
	res, err := s.Apply(t.Context(), req)
	if err != nil || res.Committed || res.Revision != 0 {
		t.Fatalf("%+v %v", res, err)
	}
	wantOutcome(t, res, routes.Created, routes.Unchanged, routes.Updated, routes.Deleted)
	wantReason(t, refusal(res.Items[4]), routes.NotFound)
	if s.Info() != before {
		t.Fatalf("%+v, was %+v", s.Info(), before)
	}
	req.ValidateOnly = false
	if res, err = s.Apply(t.Context(), req); err != nil || res.Replayed || !res.Committed {
		t.Fatalf("%+v %v: validation must not use the request id", res, err)
	}
	wantSound(t, s)
}

func testItemsInOrder(t *testing.T, b Backend) {
	s := open(t, b)
	know(t, s, "a")
	r1, r2 := route(t, "10.1.0.0/16", "192.168.20.1", 1), route(t, "10.1.0.0/16", "192.168.20.2", 1)
	res := apply(t, s, add(r1), add(r2), remove(r1), add(r2), remove(r1))
	// The conflict of the first two is over at the end.
	wantOutcome(t, res, routes.Created, routes.Created, routes.Deleted, routes.Unchanged)
	wantReason(t, refusal(res.Items[4]), routes.NotFound)
	if v := s.Info().Version; v.Revision != 1 || v.Count != 1 {
		t.Fatalf("one request, but %+v", v)
	}
	wantSound(t, s)
}

func testNetChanges(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r), remove(r), add(r), set(r, routes.Change{Metric: 3}))
	events, ok := s.Since(store.Beyond(0))
	if !ok || len(events) != 1 || len(events[0].Changes) != 1 {
		t.Fatalf("events %+v", events)
	}
	if ch := events[0].Changes[0]; ch.Before != nil || ch.After == nil || ch.After.Route.Metric() != 3 {
		t.Fatalf("change %+v", ch)
	}
	wantSound(t, s)
}

func testExpectedRevision(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	mustApply(t, s, add(r))
	req := store.Request{ExpectedRevision: 2, RequestID: "x", Items: []store.Item{remove(r)}}
	_, err := s.Apply(t.Context(), req)
	wantReason(t, err, routes.RevisionMismatch)
	req.ExpectedRevision = 1
	if _, err = s.Apply(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	// A retry of what was done is answered, though the revision moved on.
	res, err := s.Apply(t.Context(), req)
	if err != nil || !res.Replayed {
		t.Fatalf("%+v %v", res, err)
	}
}

func testRequestID(t *testing.T, b Backend) {
	dir := t.TempDir()
	s := b.Open(t, dir, Settings{})
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	calls := 0
	req := store.Request{RequestID: "one", Fingerprint: [32]byte{1}, Items: []store.Item{add(r)}, Answer: func(res store.Result) []byte {
		calls++
		return fmt.Appendf(nil, "revision %d", res.Revision)
	}}
	run := func(req store.Request) store.Result {
		t.Helper()
		res, err := s.Apply(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := run(req); res.Replayed || calls != 1 {
		t.Fatalf("%+v, %d calls", res, calls)
	}
	mustApply(t, s, remove(r))
	check := func() {
		t.Helper()
		res := run(req)
		if !res.Replayed || string(res.Replay) != "revision 1" || len(res.Items) != 0 || calls != 1 {
			t.Fatalf("%+v, %d calls", res, calls)
		}
	}
	check()
	if s.Info().Version.Count != 0 {
		t.Fatal("a replay was carried out again")
	}
	other := req
	other.Fingerprint[0]++
	_, err := s.Apply(t.Context(), other)
	wantReason(t, err, routes.RequestIDReused)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, b, dir, Settings{})
	check()
	// A request that changes nothing is remembered as well; a refused one is not.
	unchanged := store.Request{RequestID: "two", Items: nil, Answer: req.Answer}
	run(unchanged)
	if res := run(unchanged); !res.Replayed {
		t.Fatalf("%+v", res)
	}
	refused := store.Request{RequestID: "three", Items: []store.Item{remove(r)}}
	run(refused)
	if res := run(refused); res.Replayed {
		t.Fatalf("%+v", res)
	}
	long := store.Request{RequestID: string(make([]byte, 4096))}
	_, err = s.Apply(t.Context(), long)
	wantReason(t, err, routes.BadRequest)
	wantSound(t, s)
}

func testRequestIDExpires(t *testing.T, b Backend) {
	now := newClocks()
	s := openWith(t, b, t.TempDir(), now.settings())
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	req := store.Request{RequestID: "one", Items: []store.Item{add(r)}}
	for _, step := range []struct {
		wait   time.Duration
		replay bool
	}{{0, false}, {23 * time.Hour, true}, {time.Hour + time.Minute, false}, {time.Hour, true}} {
		now.pass(step.wait)
		res, err := s.Apply(t.Context(), req)
		if err != nil || res.Replayed != step.replay {
			t.Fatalf("after %s: %+v %v", step.wait, res, err)
		}
	}
	// Others make room for those that expire.
	now.pass(48 * time.Hour)
	mustApply(t, s, remove(r))
	wantSound(t, s)
}

// testPanics: a caller's callback that panics is that caller's failure only.
func testPanics(t *testing.T, b Backend) {
	s := open(t, b)
	r := route(t, "10.1.0.0/16", "192.168.20.1", 1)
	_, err := s.Apply(t.Context(), store.Request{RequestID: "x", Items: []store.Item{add(r)}, Answer: func(store.Result) []byte { panic("answer") }})
	if err == nil || s.Info().Version.Count != 0 {
		t.Fatalf("%v, %+v", err, s.Info())
	}
	mustApply(t, s, add(r))
	it := set(r, routes.Change{Metric: 9})
	it.Check = func(routes.Route) *routes.Error { panic("check") }
	if res := apply(t, s, it); res.Items[0].Err == nil {
		t.Fatalf("%+v", res)
	}
	wantSound(t, s)
}
