package boltstore

import (
	"bytes"
	"net/netip"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// scan reads records in key order: live ones and, where asked for, tombstones
// in their place between them.
type scan struct {
	live, gone stream
	reader     reader
	read       int // records so far
	err        error
}

// stream is a cursor that stands on its next key.
type stream struct {
	c      *bolt.Cursor
	k, v   []byte
	prefix []byte
}

func newScan(tx *bolt.Tx, tombstones bool) *scan {
	sc := &scan{live: stream{c: tx.Bucket([]byte(routesBucket)).Cursor()}}
	if tombstones {
		sc.gone.c = tx.Bucket([]byte(tombstoneBucket)).Cursor()
	}
	return sc
}

func (s *stream) start(prefix, from []byte) {
	if s.c == nil {
		return
	}
	s.prefix = prefix
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	s.set(s.c.Seek(from))
}

func (s *stream) set(k, v []byte) {
	if !bytes.HasPrefix(k, s.prefix) {
		k = nil
	}
	s.k, s.v = k, v
}

func (s *stream) advance() { s.set(s.c.Next()) }

// within starts a new range, the keys with a prefix that are not before from,
// and gives its first record.
func (sc *scan) within(prefix, from []byte) (routes.Record, bool) {
	sc.live.start(prefix, from)
	sc.gone.start(prefix, from)
	return sc.next()
}

// next gives the next record; false at the end and after an error.
func (sc *scan) next() (rec routes.Record, ok bool) {
	if sc.err != nil {
		return rec, false
	}
	switch live, gone := &sc.live, &sc.gone; {
	case gone.k != nil && (live.k == nil || bytes.Compare(gone.k, live.k) < 0):
		rec, _, sc.err = sc.reader.tombstone(gone.k, gone.v)
		gone.advance()
	case live.k != nil:
		rec, sc.err = sc.reader.record(live.k, live.v)
		live.advance()
	default:
		return rec, false
	}
	sc.read++
	return rec, sc.err == nil
}

// afterKey is the first possible key behind a page's last; nil for none.
func afterKey(after routes.Key) []byte {
	if after == (routes.Key{}) {
		return nil
	}
	return append(routes.AppendKey(nil, after), 0)
}

// ranges are the key prefixes that a query takes, in order. Without a filter
// on interfaces, destinations or family that is everything.
func ranges(tx *bolt.Tx, q store.Query) [][]byte {
	if len(q.Interfaces) == 0 && len(q.Destinations) == 0 && q.Family == 0 {
		return [][]byte{nil}
	}
	ifaces := folded(q.Interfaces)
	if len(ifaces) == 0 {
		ifaces = interfacesOf(tx)
	}
	destinations := slices.DeleteFunc(slices.Clone(q.Destinations), func(p netip.Prefix) bool {
		return !p.IsValid() || q.Family == 4 && !p.Addr().Is4() || q.Family == 6 && p.Addr().Is4()
	})
	slices.SortFunc(destinations, comparePrefix)
	destinations = slices.Compact(destinations)
	var out [][]byte
	for _, iface := range ifaces {
		base := routes.AppendInterface(nil, iface)
		switch {
		case len(q.Destinations) > 0:
			for _, p := range destinations {
				out = append(out, routes.AppendDestination(nil, iface, p))
			}
		case q.Family != 0:
			out = append(out, append(base, q.Family))
		default:
			out = append(out, base)
		}
	}
	return out
}

func folded(aliases []string) []string {
	out := make([]string, 0, len(aliases))
	for _, a := range aliases {
		out = append(out, routes.FoldAlias(a))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
