package boltstore

import (
	"bytes"
	"net/netip"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
)

// load reads the records at destinations into byPrefix. Sorted, they cost one
// walk through each interface: a seek that lands behind several of them
// answers for all.
func (g *group) load(destinations []netip.Prefix) {
	missing := make([]netip.Prefix, 0, len(destinations))
	if len(g.byPrefix) == 0 {
		g.byPrefix = make(map[netip.Prefix]*prefixRecords, len(destinations))
	}
	for _, p := range destinations {
		if _, ok := g.byPrefix[p]; !ok && p.IsValid() {
			g.byPrefix[p] = &prefixRecords{}
			missing = append(missing, p)
		}
	}
	slices.SortFunc(missing, comparePrefix)
	for _, iface := range g.interfaces() {
		g.loadFrom(routesBucket, iface, missing)
		g.loadFrom(tombstoneBucket, iface, missing)
	}
	g.order = slices.Grow(g.order, len(missing))
	for _, p := range missing {
		pr := g.byPrefix[p]
		pr.now = pr.stored
		g.order = append(g.order, pr)
	}
}

func (g *group) loadFrom(bucket, iface string, destinations []netip.Prefix) {
	c := g.bucket(bucket).Cursor()
	var (
		k, v   []byte
		placed bool
		buf    [300]byte
	)
	for _, p := range destinations {
		prefix := routes.AppendDestination(buf[:0], iface, p)
		if placed && k != nil && bytes.Compare(k, prefix) < 0 {
			k, v = c.Next()
		}
		if !placed || k != nil && bytes.Compare(k, prefix) < 0 {
			k, v = c.Seek(prefix)
			placed = true
		}
		for ; bytes.HasPrefix(k, prefix); k, v = c.Next() {
			rec, err := g.decode(bucket, k, v)
			if err != nil {
				_ = g.fail(err)
				return
			}
			g.byPrefix[p].stored = append(g.byPrefix[p].stored, rec)
		}
	}
}

func (g *group) decode(bucket string, k, v []byte) (routes.Record, error) {
	if bucket == tombstoneBucket {
		rec, _, err := g.reader.tombstone(k, v)
		return rec, err
	}
	return g.reader.record(k, v)
}

// at is the records at a destination as the calls so far leave them.
func (g *group) at(p netip.Prefix) *prefixRecords {
	pr, ok := g.byPrefix[p]
	if !ok {
		g.load([]netip.Prefix{p})
		if pr = g.byPrefix[p]; pr == nil {
			pr = &prefixRecords{}
		}
	}
	return pr
}

// interfaces are the aliases, folded, that have records or tombstones on disk.
func (g *group) interfaces() []string {
	if g.ifaces == nil {
		g.ifaces = interfacesOf(g.tx)
	}
	return g.ifaces
}

// interfacesOf skips from one interface to the next: one seek for each.
func interfacesOf(tx *bolt.Tx) []string {
	out := []string{}
	for _, name := range []string{routesBucket, tombstoneBucket} {
		c := tx.Bucket([]byte(name)).Cursor()
		for k, _ := c.First(); k != nil; {
			end := bytes.IndexByte(k, 0)
			if end < 0 {
				break
			}
			iface := string(k[:end])
			out = append(out, iface)
			k, _ = c.Seek(append([]byte(iface), 1))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func comparePrefix(a, b netip.Prefix) int {
	return routes.Key{Destination: a}.Compare(routes.Key{Destination: b})
}

// write is one record to be written or deleted by flush.
type write struct {
	key []byte
	rec *routes.Record // nil: delete
	old *routes.Record // what is there; nil: nothing
}

// flush writes the records that changed, in key order: bbolt then touches each
// page once, and splits it once.
func (g *group) flush() {
	var (
		writes []write
		arena  []byte
	)
	add := func(old, rec *routes.Record) {
		start := len(arena)
		key := rec
		if key == nil {
			key = old
		}
		arena = routes.AppendKey(arena, key.Route.Key())
		writes = append(writes, write{key: arena[start:len(arena):len(arena)], rec: rec, old: old})
	}
	for _, pr := range g.order {
		for i := range pr.stored {
			if find(pr.now, pr.stored[i].Route) == nil {
				add(&pr.stored[i], nil)
			}
		}
		for i := range pr.now {
			old := find(pr.stored, pr.now[i].Route)
			if old == nil || *old != pr.now[i] {
				add(old, &pr.now[i])
			}
		}
		pr.stored = pr.now
	}
	if len(writes) == 0 {
		return
	}
	slices.SortFunc(writes, func(a, b write) int { return bytes.Compare(a.key, b.key) })
	g.ifaces = nil
	for _, name := range []string{routesBucket, tombstoneBucket} {
		if len(writes) > fillAbove {
			g.bucket(name).FillPercent = fillPercent
		}
		for _, w := range writes {
			if w.old != nil && w.old.Removed == (name == tombstoneBucket) && (w.rec == nil || w.rec.Removed != w.old.Removed) {
				g.drop(name, w)
			}
			if w.rec != nil && w.rec.Removed == (name == tombstoneBucket) {
				g.store(name, w)
			}
		}
	}
}

const (
	// A batch in key order is best packed tightly; single changes are not, since
	// the next one would split the page again.
	fillAbove   = 256
	fillPercent = 0.9
)

func (g *group) drop(bucket string, w write) {
	if bucket == tombstoneBucket {
		g.dropWaiting(w.key)
	}
	g.delete(bucket, w.key)
}

func (g *group) store(bucket string, w write) {
	if bucket == routesBucket {
		g.put(bucket, w.key, seal(w.key, appendRecord(make([]byte, 0, 96), *w.rec)))
		return
	}
	if w.old != nil && w.old.Removed {
		g.dropWaiting(w.key)
	}
	g.putTombstone(w.key, *w.rec, g.knownNodes())
	for _, node := range g.knownNodes() {
		g.put(waitingBucket, waitingKey(node, w.rec.Revision, w.key), []byte{1})
	}
}

// find returns the record with r's key, or nil.
func find(recs []routes.Record, r routes.Route) *routes.Record {
	for i := range recs {
		if recs[i].Route.SameKey(r) {
			return &recs[i]
		}
	}
	return nil
}
