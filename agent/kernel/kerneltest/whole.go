package kerneltest

import (
	"fmt"
	"net/netip"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// own are the routes that the list yields, by entry.
func (s *suite) own() map[routes.FIBEntry]kernel.Route {
	s.Helper()
	all := make(map[routes.FIBEntry]kernel.Route)
	if err := s.k.List(s.Context(), func(r kernel.Route) { all[r.FIBEntry] = r }); err != nil {
		s.Fatal(err)
	}
	return all
}

// legs are the next hops that a look-up finds, by entry; first is the one that
// is described first.
func (s *suite) legs(addr string) (all map[routes.FIBEntry]kernel.Route, first kernel.Route) {
	s.Helper()
	got, err := s.k.Match(s.Context(), []netip.Addr{netip.MustParseAddr(addr)})
	if err != nil {
		s.Fatal(err)
	}
	all = make(map[routes.FIBEntry]kernel.Route)
	for i, r := range got[0] {
		if i == 0 {
			first = r
		}
		all[r.FIBEntry] = r
	}
	return all, first
}

// foreignSibling shows why nothing is appended to a foreign IPv6 key: the
// kernel joins both to one route, lists it under the protocol of the older and
// leaves open whose the other is. A look-up shows it.
func (s *suite) foreignSibling() {
	e := s.entry("2001:db8::/48", "fd00:200::2", 256)
	s.mustDo(kernel.Add, e)
	other := s.entry("2001:db8::/48", "fd00:200::9", 256)
	s.ForeignAdd(s.T, s.foreign(other))
	s.wantList(e, other)
	own := s.own()
	if r := own[e]; r.Joined || r.Legs != 2 || !r.Plain() {
		s.Errorf("ours is listed as %+v", r)
	}
	if r := own[other]; !r.Joined {
		s.Errorf("theirs is listed as %+v", r)
	}
	s.wantProtocols("2001:db8::", e, other)
	s.refuse(kernel.Delete, other, kernel.ESRCH)
}

// wantProtocols asks with many addresses, as each may be answered by another
// next hop of the two, and shows its protocol.
func (s *suite) wantProtocols(net string, ours, theirs routes.FIBEntry) {
	s.Helper()
	chosen := make(map[routes.FIBEntry]bool)
	for i := 1; i <= 64; i++ {
		legs, first := s.legs(fmt.Sprintf("%s%x", net, i))
		if len(legs) != 2 || legs[ours].Protocol != s.k.Protocol() || legs[theirs].Protocol != foreignProtocol || legs[ours].Joined || legs[theirs].Joined {
			s.Fatalf("look-up of %s%x: %+v", net, i, legs)
		}
		chosen[first.FIBEntry] = true
	}
	if len(chosen) != 2 {
		s.Errorf("64 look-ups were answered by %v only", chosen)
	}
}

// olderSibling: where theirs is the older, the list of ours lacks ours.
func (s *suite) olderSibling() {
	e, other := s.entry("2001:db8::/48", "fd00:200::2", 256), s.entry("2001:db8::/48", "fd00:200::9", 256)
	s.ForeignAdd(s.T, s.foreign(other))
	s.refuse(kernel.Add, e, kernel.EEXIST)
	s.mustDo(kernel.Append, e)
	s.wantList()
	held, err := s.held(e.Key())
	if err != nil || len(held) != 2 || held[0].FIBEntry != other || held[0].Joined || held[1].FIBEntry != e || !held[1].Joined {
		s.Errorf("holders: %+v, %v", held, err)
	}
	s.wantProtocols("2001:db8::", e, other)
	s.mustDo(kernel.Delete, e)
	if legs, _ := s.legs("2001:db8::1"); len(legs) != 1 || legs[other].Protocol != foreignProtocol {
		s.Errorf("after the deletion of ours: %+v", legs)
	}
}

// siblingEvents: an event lists a newcomer first, with its own protocol, then
// what it joins; a deletion by next hop names that one alone, one without a next
// hop names all, under one protocol.
func (s *suite) siblingEvents() {
	events, err := s.k.Watch(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	e, other := s.entry("2001:db8::/48", "fd00:200::2", 256), s.entry("2001:db8::/48", "fd00:200::9", 256)
	s.mustDo(kernel.Add, e)
	for range 2 {
		s.ForeignAdd(s.T, s.foreign(other))
		came := s.next(events, kernel.RouteAdded, e.Destination).Route
		with := s.next(events, kernel.RouteAdded, e.Destination).Route
		if came.FIBEntry != other || came.Protocol != foreignProtocol || came.Joined || with.FIBEntry != e || !with.Joined {
			s.Errorf("a sibling announced as %+v, %+v", came, with)
		}
		s.ForeignDelete(s.T, s.foreign(other))
		if gone := s.next(events, kernel.RouteDeleted, e.Destination).Route; gone.FIBEntry != other || gone.Protocol != foreignProtocol || gone.Legs != 1 {
			s.Errorf("the sibling's deletion announced as %+v", gone)
		}
	}
	s.ForeignAdd(s.T, s.foreign(other))
	s.ForeignDeleteKey(s.T, e.Key())
	var gone []routes.FIBEntry
	for range 2 {
		gone = append(gone, s.next(events, kernel.RouteDeleted, e.Destination).Route.FIBEntry)
	}
	s.wantSame("deleted", gone, []routes.FIBEntry{e, other})
	s.wantList()
}

// otherTable: a look-up names the table that answered it.
func (s *suite) otherTable() {
	const table = 100
	for _, c := range []struct{ dst, ours, theirs, addr string }{
		{"10.1.0.0/16", "10.200.0.2", "10.200.0.9", "10.1.0.1"}, {"2001:db8::/48", "fd00:200::2", "fd00:200::9", "2001:db8::1"},
	} {
		e := s.entry(c.dst, c.ours, 256)
		s.mustDo(kernel.Add, e)
		theirs := s.foreign(s.entry(c.dst, c.theirs, 256))
		theirs.Table = table
		s.ForeignAdd(s.T, theirs)
		if _, r := s.legs(c.addr); r.FIBEntry != e || r.Table != kernel.TableMain {
			s.Errorf("without a rule: %+v", r)
		}
	}
	s.AskBefore(s.T, table)
	for _, addr := range []string{"10.1.0.1", "2001:db8::1"} {
		if _, r := s.legs(addr); r.Protocol != foreignProtocol || r.Table != table {
			s.Errorf("with a rule: %+v", r)
		}
	}
	if held, err := s.held(routes.FIBKey{Destination: netip.MustParsePrefix("10.1.0.0/16"), Metric: 256}); err != nil || len(held) != 1 {
		s.Errorf("a survey is not of table main alone: %+v, %v", held, err)
	}
}

// refusingTypes: a look-up names the type of what refuses, and not the route;
// the explanation finds it.
func (s *suite) refusingTypes() {
	for _, dst := range []string{"10.1.0.0/16", "2001:db8::/48"} {
		addr := netip.MustParsePrefix(dst).Addr().Next()
		for _, kind := range []uint8{rtnl.TypeBlackhole, rtnl.TypeUnreachable, rtnl.TypeProhibit} {
			r := s.foreign(s.entry(dst, hopOf(s.entry(dst, "::", 0), "0.0.0.0", "::"), 77))
			r.Type, r.Link = kind, 0
			s.ForeignAdd(s.T, r)
			got, err := s.k.Match(s.Context(), []netip.Addr{addr})
			if err != nil || len(got[0]) != 1 || got[0][0].Type != kind || got[0][0].Destination.IsValid() || got[0][0].Plain() {
				s.Errorf("%s: look-up %+v, %v", rtnl.TypeName(kind), got, err)
			}
			path, err := s.k.Lookup(s.Context(), addr)
			if err != nil || path.Found || path.Type != kind || path.Destination != r.Destination || path.Metric != 77 || path.Protocol != foreignProtocol {
				s.Errorf("%s: %+v, %v", rtnl.TypeName(kind), path, err)
			}
			s.ForeignDeleteKey(s.T, r.Key())
		}
	}
}

// deleteObject deletes a route by the name that the kernel's list gives it.
func (s *suite) deleteObject(r kernel.Route) {
	s.Helper()
	got, err := s.k.Apply(s.Context(), []kernel.Op{{Kind: kernel.Delete, Entry: r.FIBEntry, Object: r.Object}}, nil)
	if err != nil || got[0].State != kernel.Done || !got[0].ReadBack {
		s.Fatalf("delete %+v: %+v, %v", r, got, err)
	}
}

// multipath: an IPv4 route of several next hops goes as a whole, also where
// only its first is named; named as the object it is, it leaves ours alone.
func (s *suite) multipath() {
	a, b := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("10.1.0.0/16", "10.200.0.3", 256)
	s.ForeignAdd(s.T, s.ofOurs(a), s.ofOurs(b))
	own := s.own()
	for _, e := range []routes.FIBEntry{a, b} {
		if r := own[e]; r.Traits&rtnl.Multipath == 0 || r.Joined || r.Legs != 2 || r.Object == "" || r.Object != own[a].Object {
			s.Errorf("listed as %+v", r)
		}
	}
	s.mustDo(kernel.Append, a)
	s.deleteObject(own[a])
	s.wantList(a)
	if r := s.own()[a]; !r.Plain() {
		s.Errorf("ours is listed as %+v", r)
	}
}

func (s *suite) ofOurs(e routes.FIBEntry) kernel.Route {
	return kernel.Route{FIBEntry: e, Protocol: s.k.Protocol()}
}

// byNextHopID: the kernel does not know an IPv4 route by its entry that uses a
// next-hop object, and says ESRCH though it is there.
func (s *suite) byNextHopID() {
	v4, v6 := s.ofOurs(s.entry("10.1.0.0/16", "10.200.0.2", 256)), s.ofOurs(s.entry("2001:db8::/48", "fd00:200::2", 256))
	v4.NextHopID, v6.NextHopID = 5, 6
	for _, r := range []kernel.Route{v4, v6} {
		s.ForeignAdd(s.T, r)
		got := s.own()[r.FIBEntry]
		if got.NextHopID != r.NextHopID || got.Traits&rtnl.ByObject == 0 || got.Object == "" {
			s.Errorf("listed as %+v", got)
		}
	}
	s.refuse(kernel.Delete, v4.FIBEntry, kernel.ESRCH)
	for _, r := range s.own() {
		s.deleteObject(r)
	}
	s.wantList()
}

// traits: what another has changed on our route shows, and goes by its name;
// IPv4 keeps ours beside it, to IPv6 both are the same route.
func (s *suite) traits() {
	for _, traits := range []rtnl.Traits{rtnl.Source, rtnl.Metrics} {
		v4, v6 := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("2001:db8::/48", "fd00:200::2", 256)
		for _, e := range []routes.FIBEntry{v4, v6} {
			s.mustDo(kernel.Add, e)
			r := s.ofOurs(e)
			r.Traits = traits
			s.ForeignReplace(s.T, r)
			if got := s.own()[e]; got.Traits != traits || (got.Object != "") != e.NextHop.Is4() {
				s.Errorf("listed as %+v, want traits %v", got, traits)
			}
		}
		altered := s.own()[v4]
		s.mustDo(kernel.Append, v4)
		s.deleteObject(altered)
		s.refuse(kernel.Append, v6, kernel.EEXIST)
		s.mustDo(kernel.Delete, v6)
		s.mustDo(kernel.Add, v6)
		for e, r := range s.own() {
			if !r.Plain() {
				s.Errorf("%v is listed as %+v", e, r)
			}
			s.mustDo(kernel.Delete, e)
		}
	}
	local := s.ofOurs(s.entry("10.1.0.0/16", "0.0.0.0", 256))
	local.Type = 2
	s.ForeignAdd(s.T, local)
	if got := s.own()[local.FIBEntry]; got.Type != 2 || got.Traits&rtnl.OfType == 0 || got.Object == "" {
		s.Errorf("listed as %+v", got)
	}
	s.deleteObject(s.own()[local.FIBEntry])
	s.wantList()
}
