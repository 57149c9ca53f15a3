// Package desired holds the set of routes that a node should have: compactly,
// without pointers for the garbage collector to follow, with its digest kept
// current by every change.
package desired

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/hcsroute/hcsroute/routes"
)

// Set is a set of routes by key. The zero value is not usable: use NewSet.
// It is not safe for concurrent use.
type Set struct {
	aliases []string          // by number, as the host spells them
	numbers map[string]uint32 // by folded alias, and by the spellings seen
	items   []item            // in the order in which they came; see Remove
	index   map[key]int32     // into items
	digest  routes.Digest
}

// key is routes.Key in 40 bytes. IPv4 addresses are kept in their IPv6 form.
type key struct {
	destination, nextHop [16]byte
	alias                uint32
	bits                 uint8
	ipv4                 bool
}

type item struct {
	key
	metric uint16
}

// NewSet returns an empty set with room for n routes.
func NewSet(n int) *Set {
	return &Set{numbers: make(map[string]uint32), items: make([]item, 0, n), index: make(map[key]int32, n)}
}

// Clone returns a copy that does not change with s.
func (s *Set) Clone() *Set {
	return &Set{
		aliases: slices.Clone(s.aliases), numbers: maps.Clone(s.numbers),
		items: slices.Clone(s.items), index: maps.Clone(s.index), digest: s.digest,
	}
}

// Len is the number of routes.
func (s *Set) Len() int { return len(s.items) }

// Digest is the set's digest.
func (s *Set) Digest() routes.Digest { return s.digest }

// Put adds r, or changes the metric of the route with its key. It returns the
// route that was there before; zero where none was.
func (s *Set) Put(r routes.Route) routes.Route {
	k := s.intern(r)
	i, held := s.index[k]
	if !held {
		s.index[k] = int32(len(s.items))
		s.items = append(s.items, item{k, r.Metric()})
		s.digest = s.digest.Add(r)
		return routes.Route{}
	}
	if s.items[i].metric == r.Metric() {
		return r
	}
	before := s.route(s.items[i])
	s.items[i].metric = r.Metric()
	s.digest = s.digest.Remove(before).Add(r)
	return before
}

// Remove takes the route with k out and returns it; zero where none was. The
// last route takes its place in the order.
func (s *Set) Remove(k routes.Key) routes.Route {
	i, ok := s.find(k)
	if !ok {
		return routes.Route{}
	}
	r := s.route(s.items[i])
	last := len(s.items) - 1
	delete(s.index, s.items[i].key)
	if int(i) != last {
		s.items[i] = s.items[last]
		s.index[s.items[i].key] = i
	}
	s.items = s.items[:last]
	s.digest = s.digest.Remove(r)
	return r
}

// Get returns the route with k; false where none is.
func (s *Set) Get(k routes.Key) (routes.Route, bool) {
	i, ok := s.find(k)
	if !ok {
		return routes.Route{}, false
	}
	return s.route(s.items[i]), true
}

// All yields the routes in the order in which they came, but for places that
// a removal left. The set must not change meanwhile.
func (s *Set) All() iter.Seq[routes.Route] {
	return func(yield func(routes.Route) bool) {
		for _, it := range s.items {
			if !yield(s.route(it)) {
				return
			}
		}
	}
}

func (s *Set) intern(r routes.Route) key {
	n, ok := s.numbers[r.Interface()]
	if !ok {
		folded := routes.FoldAlias(r.Interface())
		if n, ok = s.numbers[folded]; !ok {
			n = uint32(len(s.aliases))
			s.aliases = append(s.aliases, r.Interface())
			s.numbers[folded] = n
		}
		s.numbers[r.Interface()] = n
	}
	return makeKey(r.Destination(), r.NextHop(), n)
}

func (s *Set) find(k routes.Key) (i int32, held bool) {
	n, ok := s.numbers[routes.FoldAlias(k.Interface)]
	if !ok {
		return 0, false
	}
	i, held = s.index[makeKey(k.Destination, k.NextHop, n)]
	return i, held
}

func makeKey(destination netip.Prefix, nextHop netip.Addr, alias uint32) key {
	return key{
		destination: destination.Addr().As16(), nextHop: nextHop.As16(),
		alias: alias, bits: uint8(destination.Bits()), ipv4: nextHop.Is4(),
	}
}

// route rebuilds the route; its parts were checked when it was put.
func (s *Set) route(it item) routes.Route {
	destination, hop := netip.AddrFrom16(it.destination), netip.AddrFrom16(it.nextHop)
	if it.ipv4 {
		destination, hop = destination.Unmap(), hop.Unmap()
	}
	r, err := routes.New(routes.Fields{
		Interface: s.aliases[it.alias], Destination: netip.PrefixFrom(destination, int(it.bits)), NextHop: hop, Metric: uint32(it.metric),
	})
	if err != nil {
		panic("desired: a route of the set is not valid any more: " + err.Error())
	}
	return r
}
