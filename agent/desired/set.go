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
	metrics map[key]uint16
	digest  routes.Digest
}

// key is routes.Key in 40 bytes. IPv4 addresses are kept in their IPv6 form.
type key struct {
	destination, nextHop [16]byte
	alias                uint32
	bits                 uint8
	ipv4                 bool
}

// NewSet returns an empty set with room for n routes.
func NewSet(n int) *Set {
	return &Set{numbers: make(map[string]uint32), metrics: make(map[key]uint16, n)}
}

// Clone returns a copy that does not change with s.
func (s *Set) Clone() *Set {
	return &Set{aliases: slices.Clone(s.aliases), numbers: maps.Clone(s.numbers), metrics: maps.Clone(s.metrics), digest: s.digest}
}

// Len is the number of routes.
func (s *Set) Len() int { return len(s.metrics) }

// Digest is the set's digest.
func (s *Set) Digest() routes.Digest { return s.digest }

// Put adds r, or changes the metric of the route with its key. It returns the
// route that was there before; zero where none was.
func (s *Set) Put(r routes.Route) routes.Route {
	k := s.intern(r)
	metric, held := s.metrics[k]
	if held && metric == r.Metric() {
		return r
	}
	var before routes.Route
	if held {
		before = s.route(k, metric)
		s.digest = s.digest.Remove(before)
	}
	s.metrics[k] = r.Metric()
	s.digest = s.digest.Add(r)
	return before
}

// Remove takes the route with k out and returns it; zero where none was.
func (s *Set) Remove(k routes.Key) routes.Route {
	c, ok := s.find(k)
	if !ok {
		return routes.Route{}
	}
	r := s.route(c, s.metrics[c])
	delete(s.metrics, c)
	s.digest = s.digest.Remove(r)
	return r
}

// Get returns the route with k; false where none is.
func (s *Set) Get(k routes.Key) (routes.Route, bool) {
	c, ok := s.find(k)
	if !ok {
		return routes.Route{}, false
	}
	return s.route(c, s.metrics[c]), true
}

// All yields the routes in no order. The set must not change meanwhile.
func (s *Set) All() iter.Seq[routes.Route] {
	return func(yield func(routes.Route) bool) {
		for k, metric := range s.metrics {
			if !yield(s.route(k, metric)) {
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

func (s *Set) find(k routes.Key) (key, bool) {
	n, ok := s.numbers[routes.FoldAlias(k.Interface)]
	if !ok {
		return key{}, false
	}
	c := makeKey(k.Destination, k.NextHop, n)
	_, ok = s.metrics[c]
	return c, ok
}

func makeKey(destination netip.Prefix, nextHop netip.Addr, alias uint32) key {
	return key{
		destination: destination.Addr().As16(), nextHop: nextHop.As16(),
		alias: alias, bits: uint8(destination.Bits()), ipv4: nextHop.Is4(),
	}
}

// route rebuilds the route; its parts were checked when it was put.
func (s *Set) route(k key, metric uint16) routes.Route {
	destination, hop := netip.AddrFrom16(k.destination), netip.AddrFrom16(k.nextHop)
	if k.ipv4 {
		destination, hop = destination.Unmap(), hop.Unmap()
	}
	r, err := routes.New(routes.Fields{
		Interface: s.aliases[k.alias], Destination: netip.PrefixFrom(destination, int(k.bits)), NextHop: hop, Metric: uint32(metric),
	})
	if err != nil {
		panic("desired: a route of the set is not valid any more: " + err.Error())
	}
	return r
}
