package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// model is what a store must be, as plain maps.
type model struct {
	revision routes.Revision
	routes   map[routes.Key]routes.Record // also tombstones
	waiting  map[routes.Key]map[string]bool
	nodes    map[string]bool
}

// testModel compares a store with the model over random operations.
func testModel(t *testing.T, b Backend) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		s := b.Open(t, dir, Settings{})
		defer func() { _ = s.Close() }()
		m := &model{routes: map[routes.Key]routes.Record{}, waiting: map[routes.Key]map[string]bool{}, nodes: map[string]bool{}}
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(rt *rapid.T) { m.apply(rt, s) },
			"know": func(rt *rapid.T) {
				id := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "node")
				m.nodes[id] = true
				noError(rt, s.Know(t.Context(), store.KnownNode{ID: id}))
			},
			"forget": func(rt *rapid.T) { m.forget(rt, s) },
			"prove":  func(rt *rapid.T) { m.prove(rt, s) },
			"reopen": func(rt *rapid.T) {
				noError(rt, s.Close())
				s = b.Open(t, dir, Settings{})
			},
			"": func(rt *rapid.T) { m.compare(rt, s) },
		})
		report, err := s.Check(t.Context())
		if err != nil || len(report.Problems) > 0 {
			rt.Fatalf("Check: %v %q", err, report.Problems)
		}
	})
}

func noError(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatal(err)
	}
}

func drawRoute(rt *rapid.T) routes.Route {
	r, err := routes.New(routes.Fields{
		Interface:   rapid.SampledFrom([]string{"Port3", "port3", "Port4"}).Draw(rt, "interface"),
		Destination: netip.MustParsePrefix(rapid.SampledFrom([]string{"10.1.0.0/16", "10.2.0.0/16"}).Draw(rt, "destination")),
		NextHop:     netip.MustParseAddr(rapid.SampledFrom([]string{"192.168.20.1", "192.168.20.2"}).Draw(rt, "next hop")),
		Metric:      rapid.Uint32Range(1, 3).Draw(rt, "metric"),
	})
	noError(rt, err)
	return r
}

func drawItem(rt *rapid.T) store.Item {
	r := drawRoute(rt)
	it := store.Item{Op: rapid.SampledFrom([]store.Op{store.OpAdd, store.OpAdd, store.OpSet, store.OpRemove}).Draw(rt, "op")}
	it.Route, it.Selector = r, exactly(r)
	it.Force = rapid.Bool().Draw(rt, "force")
	it.Removal.All, it.Removal.IfExists = rapid.Bool().Draw(rt, "all"), rapid.Bool().Draw(rt, "if exists")
	if rapid.Bool().Draw(rt, "any next hop") {
		it.Selector.NextHop = netip.Addr{}
	}
	if it.Op == store.OpSet {
		it.Change.Metric = rapid.Uint32Range(0, 3).Draw(rt, "new metric")
		if rapid.Bool().Draw(rt, "change next hop") {
			it.Change.NextHop = drawRoute(rt).NextHop()
		}
	}
	return it
}

func (m *model) apply(rt *rapid.T, s store.Store) {
	req := store.Request{Atomic: rapid.Bool().Draw(rt, "atomic"), ValidateOnly: rapid.Bool().Draw(rt, "validate")}
	req.Items = rapid.SliceOfN(rapid.Custom(drawItem), 0, 5).Draw(rt, "items")
	heed := m.conflicts(req.Items)
	next := m.clone()
	next.revision++
	refused, changed := 0, false
	var want []string
	for _, it := range req.Items {
		outcome, err := next.item(it, heed[it.Selector.Destination])
		if err != nil {
			refused++
			want = append(want, string(routes.ReasonOf(err)))
			continue
		}
		changed = changed || outcome != routes.Unchanged
		want = append(want, string(outcome))
	}
	committed := !req.ValidateOnly && (refused == 0 || !req.Atomic && refused < len(req.Items))
	if committed && changed {
		*m = *next
	}
	res, err := s.Apply(rt.Context(), req)
	noError(rt, err)
	var got []string
	for _, it := range res.Items {
		if it.Err != nil {
			got = append(got, string(it.Err.Reason))
		} else {
			got = append(got, string(it.Outcome))
		}
	}
	if !slices.Equal(got, want) || res.Committed != committed || res.Revision != m.revision {
		rt.Fatalf("got %q committed %v revision %d, want %q %v %d", got, res.Committed, res.Revision, want, committed, m.revision)
	}
}

// conflicts are the destinations that would have two routes with one metric
// if all items were carried out whatever conflicts there are on the way.
func (m *model) conflicts(items []store.Item) map[netip.Prefix]bool {
	end := m.clone()
	for _, it := range items {
		_, _ = end.item(it, false)
	}
	type kernelKey struct {
		destination netip.Prefix
		metric      uint16
	}
	count, out := map[kernelKey]int{}, map[netip.Prefix]bool{}
	for _, rec := range end.routes {
		if !rec.Removed {
			k := kernelKey{rec.Route.Destination(), rec.Route.Metric()}
			count[k]++
			out[k.destination] = out[k.destination] || count[k] > 1
		}
	}
	return out
}

// item decides by the same rules, and does by itself what they say.
func (m *model) item(it store.Item, heedConflicts bool) (routes.Outcome, error) {
	var at []routes.Record
	for _, rec := range m.routes {
		if rec.Route.Destination() == it.Selector.Destination {
			at = append(at, rec)
		}
	}
	var (
		d   routes.Decision
		err error
	)
	switch it.Op {
	case store.OpAdd:
		d, err = routes.DecideAdd(at, it.Route, it.Force)
	case store.OpSet:
		d, err = routes.DecideSet(at, it.Selector, it.Change)
	case store.OpRemove:
		d, err = routes.DecideRemove(at, it.Selector, it.Removal)
	default:
		err = errors.New("no such operation")
	}
	if err == nil {
		err = d.Room(at, len(m.nodes) > 0)
	}
	if err == nil && heedConflicts {
		err = d.Conflict(at)
	}
	if err != nil {
		return "", err
	}
	created := m.revision
	for _, rec := range d.Remove {
		created = rec.Created
		key := rec.Route.Key()
		delete(m.routes, key)
		if len(m.nodes) > 0 {
			rec.Removed, rec.Revision = true, m.revision
			m.routes[key] = rec
			m.waiting[key] = map[string]bool{}
			for id := range m.nodes {
				m.waiting[key][id] = true
			}
		}
	}
	if !d.Put.IsZero() {
		key := d.Put.Key()
		delete(m.waiting, key)
		m.routes[key] = routes.Record{Route: d.Put, Revision: m.revision, Created: created}
	}
	return d.Outcome, nil
}

func (m *model) clone() *model {
	c := &model{revision: m.revision, routes: map[routes.Key]routes.Record{}, waiting: map[routes.Key]map[string]bool{}, nodes: m.nodes}
	for k, v := range m.routes {
		c.routes[k] = v
	}
	for k, v := range m.waiting {
		c.waiting[k] = map[string]bool{}
		for id := range v {
			c.waiting[k][id] = true
		}
	}
	return c
}

// proved takes the node from what waits for it.
func (m *model) proved(node string, upTo routes.Revision, except routes.Key) {
	for k, nodes := range m.waiting {
		if m.routes[k].Revision > upTo || k == except {
			continue
		}
		delete(nodes, node)
		if len(nodes) == 0 {
			delete(m.waiting, k)
			delete(m.routes, k)
		}
	}
}

func (m *model) prove(rt *rapid.T, s store.Store) {
	node := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "node")
	upTo := routes.Revision(rapid.Uint64Range(0, uint64(m.revision)).Draw(rt, "up to"))
	except := drawRoute(rt).Key()
	m.proved(node, upTo, except)
	noError(rt, s.Prove(rt.Context(), node, upTo, map[routes.Key]struct{}{except: {}}))
}

func (m *model) forget(rt *rapid.T, s store.Store) {
	node := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "node")
	err := s.Forget(rt.Context(), node, store.Caller{})
	if (err == nil) != m.nodes[node] {
		rt.Fatalf("Forget: %v", err)
	}
	delete(m.nodes, node)
	m.proved(node, m.revision, routes.Key{})
}

// compare checks that the store holds exactly what the model does.
func (m *model) compare(rt *rapid.T, s store.Store) {
	var want, got []string
	var live []routes.Route
	removing := uint64(0)
	for _, rec := range m.routes {
		want = append(want, line(rec))
		if rec.Removed {
			removing++
		} else {
			live = append(live, rec.Route)
		}
	}
	recs, _, err := s.List(rt.Context(), store.Query{Tombstones: true})
	noError(rt, err)
	for _, rec := range recs {
		got = append(got, line(rec))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		rt.Fatalf("store %q\nmodel %q", got, want)
	}
	info := s.Info()
	if v := info.Version; v.Revision != m.revision || v.Count != uint64(len(live)) || v.Digest != routes.DigestOf(live) || info.Removing != removing {
		rt.Fatalf("info %+v, model revision %d, %d routes, %d tombstones", info, m.revision, len(live), removing)
	}
}

func line(rec routes.Record) string {
	return fmt.Sprintf("%s removed %v revision %d created %d", rec.Route, rec.Removed, rec.Revision, rec.Created)
}
