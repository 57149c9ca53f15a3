// Package kerneltest is the conformance suite of kernel.Kernel: what the
// agent relies on, asked of the real kernel and of the fake alike.
package kerneltest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// Node is a kernel with one link that is up and has the static addresses
// 10.200.0.1/24 and fd00:200::1/64, and means to act as somebody else.
type Node interface {
	Kernel() kernel.Kernel
	Link() int32
	SetUp(t *testing.T, up bool)
	// ForeignAdd, ForeignReplace and ForeignDelete act on routes of others, or
	// on ours as others would. Several legs are one request. Of the traits they
	// know Source and Metrics, of tables and types all.
	ForeignAdd(t *testing.T, legs ...kernel.Route)
	ForeignReplace(t *testing.T, legs ...kernel.Route)
	ForeignDelete(t *testing.T, r kernel.Route)
	// ForeignDeleteKey names no next hop.
	ForeignDeleteKey(t *testing.T, key routes.FIBKey)
	// AskBefore has a table asked before main, by a policy rule.
	AskBefore(t *testing.T, table uint32)
}

// foreignProtocol is RTPROT_STATIC.
const foreignProtocol = 4

// Run runs the suite; make returns a fresh Node.
func Run(t *testing.T, make func(t *testing.T) Node) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"add, list and delete", (*suite).addListDelete},
		{"errno", (*suite).errnos},
		{"a taken key is EEXIST and stays", (*suite).takenKey},
		{"append then delete the old", (*suite).appendDelete},
		{"an IPv6 sibling of another protocol", (*suite).foreignSibling},
		{"an older IPv6 sibling of another protocol", (*suite).olderSibling},
		{"announcements of IPv6 siblings", (*suite).siblingEvents},
		{"another table", (*suite).otherTable},
		{"types that refuse", (*suite).refusingTypes},
		{"a route of several next hops", (*suite).multipath},
		{"a route by next-hop object", (*suite).byNextHopID},
		{"a route with more than we write", (*suite).traits},
		{"link down", (*suite).linkDown},
		{"match", (*suite).match},
		{"policy rules", (*suite).policyRules},
		{"links", (*suite).links},
		{"events", (*suite).events},
		{"holders", (*suite).holders},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := make(t)
			c.test(&suite{T: t, Node: n, k: n.Kernel()})
		})
	}
}

type suite struct {
	*testing.T
	Node
	k kernel.Kernel
}

func (s *suite) entry(dst, hop string, metric uint32) routes.FIBEntry {
	return routes.FIBEntry{Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Link: s.Link(), Metric: metric}
}

func (s *suite) foreign(e routes.FIBEntry) kernel.Route {
	return kernel.Route{FIBEntry: e, Protocol: foreignProtocol}
}

func (s *suite) apply(kind rtnl.Kind, e routes.FIBEntry) kernel.Result {
	s.Helper()
	got, err := s.k.Apply(s.Context(), []kernel.Op{{Kind: kind, Entry: e}}, nil)
	if err != nil || len(got) != 1 {
		s.Fatal(got, err)
	}
	return got[0]
}

func (s *suite) mustDo(kind rtnl.Kind, e routes.FIBEntry) {
	s.Helper()
	if got := s.apply(kind, e); got.State != kernel.Done || !got.ReadBack {
		s.Fatalf("%v %v: %+v", kind, e, got)
	}
}

func (s *suite) refuse(kind rtnl.Kind, e routes.FIBEntry, want syscall.Errno) {
	s.Helper()
	got := s.apply(kind, e)
	var oe *kernel.OpError
	if got.State != kernel.Failed || !errors.As(got.Err, &oe) || oe.Errno != want || oe.Op.Entry != e {
		s.Errorf("%v %v: %+v, want errno %d", kind, e, got, want)
	}
}

func (s *suite) wantList(want ...routes.FIBEntry) {
	s.Helper()
	var got []routes.FIBEntry
	if err := s.k.List(s.Context(), func(r kernel.Route) { got = append(got, r.FIBEntry) }); err != nil {
		s.Fatal(err)
	}
	s.wantSame("list", got, want)
}

// wantSame compares without regard to order: the kernel promises none.
func (s *suite) wantSame(what string, got, want []routes.FIBEntry) {
	s.Helper()
	slices.SortFunc(got, routes.FIBEntry.Compare)
	slices.SortFunc(want, routes.FIBEntry.Compare)
	if !slices.Equal(got, want) {
		s.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (s *suite) addListDelete() {
	all := []routes.FIBEntry{
		s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("10.1.0.0/16", "10.200.0.2", 300),
		s.entry("10.2.0.9/32", "0.0.0.0", 1), s.entry("2001:db8:1::/48", "fd00:200::2", 256),
		s.entry("2001:db8:2::/48", "::", 7), s.entry("2001:db8:3::/48", "fe80::1", 65535),
	}
	s.wantList()
	for _, e := range all {
		s.mustDo(kernel.Add, e)
	}
	s.wantList(all...)
	for i, e := range all {
		s.mustDo(kernel.Delete, e)
		s.wantList(slices.Clone(all[i+1:])...)
		s.refuse(kernel.Delete, e, kernel.ESRCH)
	}
}

func (s *suite) errnos() {
	s.refuse(kernel.Add, s.entry("10.1.0.0/16", "10.99.0.1", 256), kernel.ENETUNREACH)
	s.refuse(kernel.Add, s.entry("2001:db8::/48", "fd00:99::1", 256), kernel.EHOSTUNREACH)
	s.refuse(kernel.Add, s.entry("10.1.0.1/16", "10.200.0.2", 256), kernel.EINVAL)
	gone := s.entry("2001:db8::/48", "fd00:200::2", 256)
	gone.Link = 9999
	s.refuse(kernel.Add, gone, kernel.ENODEV)
	s.wantList()
}

func (s *suite) takenKey() {
	for _, e := range []routes.FIBEntry{s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("2001:db8::/48", "fd00:200::2", 256)} {
		other := s.entry(e.Destination.String(), hopOf(e, "10.200.0.9", "fd00:200::9"), 256)
		s.ForeignAdd(s.T, s.foreign(other))
		s.refuse(kernel.Add, e, kernel.EEXIST)
		s.refuse(kernel.Delete, other, kernel.ESRCH) // not ours
		held, err := s.held(e.Key())
		if err != nil || len(held) != 1 || held[0].FIBEntry != other || held[0].Protocol != foreignProtocol {
			s.Errorf("holders of %v: %+v, %v", e.Key(), held, err)
		}
	}
	s.wantList()
}

func (s *suite) appendDelete() {
	for _, old := range []routes.FIBEntry{
		s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("2001:db8::/48", "fd00:200::2", 256),
		s.entry("10.2.0.0/16", "0.0.0.0", 256), s.entry("2001:db8:2::/48", "::", 256),
	} {
		e := s.entry(old.Destination.String(), hopOf(old, "10.200.0.9", "fd00:200::9"), 256)
		s.mustDo(kernel.Add, old)
		s.refuse(kernel.Add, e, kernel.EEXIST)
		s.mustDo(kernel.Append, e)
		s.refuse(kernel.Append, e, kernel.EEXIST)
		s.wantList(old, e)
		s.mustDo(kernel.Delete, old)
		s.wantList(e)
		s.mustDo(kernel.Delete, e)
	}
}

func (s *suite) linkDown() {
	v4, v6 := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("2001:db8::/48", "fd00:200::2", 256)
	device := s.entry("10.2.0.0/16", "0.0.0.0", 256)
	for _, e := range []routes.FIBEntry{v4, v6, device} {
		s.mustDo(kernel.Add, e)
	}
	s.SetUp(s.T, false)
	s.wantList()
	s.refuse(kernel.Add, v4, kernel.ENETUNREACH)
	s.refuse(kernel.Add, v6, kernel.EHOSTUNREACH)
	s.refuse(kernel.Add, device, kernel.ENETDOWN)
	s.SetUp(s.T, true)
	s.wantList()
	s.mustDo(kernel.Add, v4)
}

func (s *suite) match() {
	wide, narrow := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("10.1.2.0/24", "10.200.0.3", 256)
	s.mustDo(kernel.Add, wide)
	s.mustDo(kernel.Add, narrow)
	old, young := s.entry("2001:db8::/48", "fd00:200::2", 256), s.entry("2001:db8::/48", "fd00:200::3", 256)
	s.mustDo(kernel.Add, old)
	s.mustDo(kernel.Append, young)
	got, err := s.k.Match(s.Context(), []netip.Addr{
		netip.MustParseAddr("10.1.9.9"), netip.MustParseAddr("10.1.2.9"), netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("2001:db8::5"),
	})
	if err != nil {
		s.Fatal(err)
	}
	for i, want := range [][]routes.FIBEntry{{wide}, {narrow}, nil, {old, young}} {
		var have []routes.FIBEntry
		for _, r := range got[i] {
			have = append(have, r.FIBEntry)
			if r.Protocol != s.k.Protocol() || r.Table != 254 {
				s.Errorf("%+v: not of our protocol in table main", r)
			}
		}
		s.wantSame(fmt.Sprintf("match %d", i), have, want)
	}
	path, err := s.k.Lookup(s.Context(), netip.MustParseAddr("10.1.2.9"))
	if err != nil || !path.Found || path.Destination != narrow.Destination || path.NextHop != narrow.NextHop || path.Metric != 256 || path.LinkName == "" || path.LinkMAC == "" {
		s.Errorf("lookup: %+v, %v", path, err)
	}
	path, err = s.k.Lookup(s.Context(), netip.MustParseAddr("2001:db8::5"))
	if err != nil || !path.Found || path.Destination != old.Destination || path.NextHop != old.NextHop && path.NextHop != young.NextHop ||
		path.Metric != 256 || path.Protocol != s.k.Protocol() || path.Table != 254 || path.LinkName == "" || path.LinkMAC == "" {
		s.Errorf("IPv6 lookup: %+v, %v", path, err)
	}
	for _, nowhere := range []string{"10.77.0.1", "2001:db8:77::1"} {
		if path, err := s.k.Lookup(s.Context(), netip.MustParseAddr(nowhere)); err != nil || path.Found {
			s.Errorf("lookup of an address without a route: %+v, %v", path, err)
		}
	}
}

func (s *suite) links() {
	all, err := s.k.Links(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	i := slices.IndexFunc(all, func(l kernel.Link) bool { return l.Index == s.Link() })
	if i < 0 {
		s.Fatalf("no link %d in %+v", s.Link(), all)
	}
	l := all[i]
	want := []routes.ConnectedRoute{{Prefix: netip.MustParsePrefix("10.200.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:200::/64"), Metric: 256}}
	for _, c := range want {
		if !slices.Contains(l.Connected, c) {
			s.Errorf("connected routes %v lack %v", l.Connected, c)
		}
	}
	if l.Name == "" || l.MAC == "" || !l.Up || l.Master != 0 || l.Addressing() != routes.AddressingStatic {
		s.Errorf("link: %+v", l)
	}
}

func (s *suite) events() {
	events, err := s.k.Watch(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	v4, v6 := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("2001:db8::/48", "fd00:200::2", 256)
	for _, e := range []routes.FIBEntry{v4, v6} {
		s.mustDo(kernel.Add, e) // no event: it is our own
		ours := kernel.Route{FIBEntry: e, Protocol: s.k.Protocol()}
		s.ForeignDelete(s.T, ours)
		if got := s.next(events, kernel.RouteDeleted, e.Destination); got.Route.FIBEntry != e || got.Route.Protocol != s.k.Protocol() || got.Port == 0 {
			s.Errorf("deletion announced as %+v", got)
		}
		s.ForeignReplace(s.T, s.foreign(e))
		s.ForeignReplace(s.T, s.foreign(s.entry(e.Destination.String(), hopOf(e, "10.200.0.7", "fd00:200::7"), 256)))
		s.next(events, kernel.RouteAdded, e.Destination)
		if got := s.next(events, kernel.RouteAdded, e.Destination); !got.Replaced || got.Route.Protocol != foreignProtocol {
			s.Errorf("replacement announced as %+v", got)
		}
	}
	s.SetUp(s.T, false)
	for got := s.next(events, kernel.LinkChanged, netip.Prefix{}); got.Link != s.Link() || got.MAC == ""; {
		got = s.next(events, kernel.LinkChanged, netip.Prefix{})
	}
}

// next is the next event of that kind and destination. Others may come at any
// time, as the kernel sets up a new link, but none of our own writes.
func (s *suite) next(events <-chan kernel.Event, kind rtnl.EventKind, dst netip.Prefix) kernel.Event {
	s.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e := <-events:
			if e.Kind == kernel.RouteAdded && e.Route.Protocol == s.k.Protocol() {
				s.Errorf("our own write was announced: %+v", e)
			}
			if e.Kind == kind && e.Route.Destination == dst {
				return e
			}
		case <-timeout:
			s.Fatalf("no event of kind %d", kind)
		}
	}
}

func (s *suite) holders() {
	a, b := s.entry("10.1.0.0/16", "10.200.0.2", 256), s.entry("10.1.0.0/16", "10.200.0.3", 300)
	s.mustDo(kernel.Add, a)
	s.ForeignAdd(s.T, s.foreign(b))
	held, err := s.held(a.Key(), b.Key())
	if err != nil {
		s.Fatal(err)
	}
	var entries []routes.FIBEntry
	for _, r := range held {
		entries = append(entries, r.FIBEntry)
	}
	s.wantSame("holders", entries, []routes.FIBEntry{a, b})
}

func hopOf(e routes.FIBEntry, v4, v6 string) string {
	if e.Destination.Addr().Is4() {
		return v4
	}
	return v6
}

// held are the routes that hold one of the kernel keys, of whatever protocol.
func (s *suite) held(keys ...routes.FIBKey) (all []kernel.Route, err error) {
	err = s.k.Survey(s.Context(), func(r kernel.Route) {
		if slices.Contains(keys, r.Key()) && !slices.Contains(all, r) {
			all = append(all, r)
		}
	})
	return all, err
}
