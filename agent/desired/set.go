// Package desired holds the set of routes that a node should have: compactly,
// without pointers for the garbage collector to follow, with its digest kept
// current by every change.
package desired

import (
	"hash/maphash"
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
	first   map[uint64]int32  // item by the hash of its key; others with that hash follow by next
	seed    maphash.Seed
	mask    uint64 // of hashes; all bits, except for a test in which they shall meet
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
	next   int32 // item whose key has the same hash; -1 for none
	metric uint16
}

// NewSet returns an empty set with room for n routes.
func NewSet(n int) *Set {
	return &Set{numbers: make(map[string]uint32), items: make([]item, 0, n), first: make(map[uint64]int32, n), seed: maphash.MakeSeed(), mask: ^uint64(0)}
}

// Clone returns a copy that does not change with s.
func (s *Set) Clone() *Set {
	return &Set{
		aliases: slices.Clone(s.aliases), numbers: maps.Clone(s.numbers),
		items: slices.Clone(s.items), first: maps.Clone(s.first), seed: s.seed, mask: s.mask, digest: s.digest,
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
	h, i := s.find(k)
	if i < 0 {
		s.insert(h, item{key: k, metric: r.Metric()})
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

// Fill adds routes whose digest is known. It reports whether all of them were
// new; if not, the set is of no use any more.
func (s *Set) Fill(list []routes.Route, digest routes.Digest) bool {
	for _, r := range list {
		k := s.intern(r)
		h, i := s.find(k)
		if i >= 0 {
			return false
		}
		s.insert(h, item{key: k, metric: r.Metric()})
	}
	s.digest = s.digest.Sum(digest)
	return true
}

// insert adds an item whose key has hash h.
func (s *Set) insert(h uint64, it item) {
	it.next = s.head(h)
	s.first[h] = int32(len(s.items))
	s.items = append(s.items, it)
}

// Remove takes the route with k out and returns it; zero where none was. The
// last route takes its place in the order.
func (s *Set) Remove(k routes.Key) routes.Route {
	h, i := s.look(k)
	if i < 0 {
		return routes.Route{}
	}
	r := s.route(s.items[i])
	s.link(h, i, s.items[i].next)
	last := int32(len(s.items) - 1)
	if i != last {
		s.link(s.hash(s.items[last].key), last, i)
		s.items[i] = s.items[last]
	}
	s.items = s.items[:last]
	s.digest = s.digest.Remove(r)
	return r
}

// Get returns the route with k; false where none is.
func (s *Set) Get(k routes.Key) (routes.Route, bool) {
	_, i := s.look(k)
	if i < 0 {
		return routes.Route{}, false
	}
	return s.route(s.items[i]), true
}

// All yields the routes in the order in which they came, except for places that
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

// look is find for a key of the domain.
func (s *Set) look(k routes.Key) (h uint64, i int32) {
	n, ok := s.numbers[routes.FoldAlias(k.Interface)]
	if !ok {
		return 0, -1
	}
	return s.find(makeKey(k.Destination, k.NextHop, n))
}

// find is the key's hash and its item, or -1.
func (s *Set) find(k key) (h uint64, i int32) {
	h = s.hash(k)
	for i = s.head(h); i >= 0 && s.items[i].key != k; i = s.items[i].next {
	}
	return h, i
}

func (s *Set) hash(k key) uint64 { return maphash.Comparable(s.seed, k) & s.mask }

// head is the first item of a hash, or -1.
func (s *Set) head(h uint64) int32 {
	if i, ok := s.first[h]; ok {
		return i
	}
	return -1
}

// link makes what leads to item from, whose key has hash h, lead to item to;
// -1 ends there.
func (s *Set) link(h uint64, from, to int32) {
	i := s.head(h)
	switch {
	case i != from:
		for s.items[i].next != from {
			i = s.items[i].next
		}
		s.items[i].next = to
	case to < 0:
		delete(s.first, h)
	default:
		s.first[h] = to
	}
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
