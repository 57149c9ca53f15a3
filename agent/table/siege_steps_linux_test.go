package table

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

const (
	otherTable   = 100
	otherManager = unix.RTPROT_STATIC
)

func (s *besieged) destination() netip.Prefix {
	n := s.random.IntN(2)
	if s.random.IntN(2) == 0 {
		return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", n))
	}
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", n))
}

func (s *besieged) metric() int { return []int{100, 256}[s.random.IntN(2)] }

// step does one thing, as the service, another manager, or the world.
func (s *besieged) step() {
	switch n := s.random.IntN(21); {
	case n < 5:
		s.request()
	case n < 12:
		s.atomically(s.meddle)
	case n < 13:
		s.atomically(s.handDelete)
	case n < 15:
		s.atomically(s.policy)
	case n < 17:
		s.atomically(s.world)
	case n < 18:
		s.close()
	case n < 19:
		s.open()
	case n < 20:
		s.setDeaf(s.random.IntN(2) == 0)
	default:
		s.restart()
	}
	if s.random.IntN(2) == 0 {
		time.Sleep(time.Duration(s.random.IntN(3)) * time.Millisecond) // any interleaving will do
	}
}

// request is a change of the desired set.
func (s *besieged) request() {
	n := s.random.IntN(6)
	if len(s.desired) == 0 {
		n = 5
	}
	switch n {
	case 0:
		s.replace()
	case 1:
		for k, w := range s.desired {
			delete(s.desired, k)
			s.delta(nil, w.Route.Key())
			break
		}
	case 2, 3:
		s.thereAndBack()
	default:
		w := s.draw()
		s.delta([]Want{w}, s.put(w)...)
	}
}

// thereAndBack changes all metrics and changes them back, with the agent stopped
// in between, or on its way to a comparison.
func (s *besieged) thereAndBack() {
	back := slices.Collect(maps.Values(s.desired))
	var away []Want
	for _, w := range back {
		r := w.Route
		away = append(away, want(s, r.Destination().String(), r.NextHop().String(), uint32(r.Metric())+1))
	}
	change := func(wants []Want) {
		for _, w := range wants {
			s.put(w)
		}
		s.delta(wants)
	}
	if s.random.IntN(2) == 0 {
		s.beforeComparison(func() { change(away); change(back) })
		return
	}
	change(away)
	if s.random.IntN(2) == 0 {
		s.close()
	}
	change(back)
}

// beforeComparison runs f while the agent is stopped, and is to compare as soon
// as it goes on: a comparison that took long has put off the next.
func (s *besieged) beforeComparison(f func()) {
	s.open()
	start := time.Now()
	s.gate.reading.Lock()
	s.nudge()
	time.Sleep(2 * time.Millisecond)
	s.gate.reading.Unlock()
	s.close()
	putOff := paceFactor * time.Since(start)
	s.nudge()
	time.Sleep(time.Millisecond)
	f()
	time.Sleep(putOff)
	s.open()
}

// nudge changes what does not matter of the NIC, so that everything is compared.
func (s *besieged) nudge() {
	s.note("nudge")
	ok(s, netlink.LinkSetAlias(link(s, "v0"), fmt.Sprint(s.random.Uint32())))
}

func (s *besieged) delta(upserts []Want, removals ...routes.Key) {
	s.gen++
	s.note("delta +%v -%v", upserts, removals)
	s.Apply(Delta{Generation: s.gen, Upserts: upserts, Removals: removals})
}

// foreignHop is a hop of another manager's.
func (s *besieged) foreignHop() hop {
	h := hop{dst: s.destination(), metric: s.metric(), kind: unix.RTN_UNICAST, protocol: otherManager, link: s.links[0]}
	h.via = netip.MustParseAddr("10.200.0.9")
	far := netip.MustParseAddr("10.201.0.9")
	if h.dst.Addr().Is6() {
		h.via, far = netip.MustParseAddr("fd00:200::9"), netip.MustParseAddr("fd00:201::9")
	}
	if s.random.IntN(3) == 0 {
		h.via, h.link = far, s.links[1]
	}
	return h
}

// meddle adds, changes or deletes routes in table main as another manager.
func (s *besieged) meddle() {
	h := s.foreignHop()
	switch s.random.IntN(9) {
	case 0:
		s.added(h, s.try(fmt.Sprintf("add %v", h), netlink.RouteAdd(theirs(h))))
	case 1:
		s.added(h, s.try(fmt.Sprintf("append %v", h), netlink.RouteAppend(theirs(h))))
	case 2:
		s.added(h, s.try(fmt.Sprintf("prepend %v", h), netlink.RouteAddEcmp(theirs(h))))
	case 3:
		s.added(h, s.try(fmt.Sprintf("replace %v", h), netlink.RouteReplace(theirs(h))))
	case 4:
		s.withdrawOne()
	case 5: // by a destination and a metric only
		r := theirs(h)
		r.Gw, r.LinkIndex, r.Protocol = nil, 0, 0
		s.try(fmt.Sprintf("delete %s metric %d", h.dst, h.metric), netlink.RouteDel(r))
		s.recount()
	case 6:
		s.impostor(h)
	case 7:
		s.dress(h)
	default:
		h.kind, h.via, h.link = []int{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT}[s.random.IntN(3)], viaOf(nil, theirs(h).Dst), 0
		h.protocol = []int{otherManager, testProtocol}[s.random.IntN(2)]
		done := s.try(fmt.Sprintf("replace %v", h), netlink.RouteReplace(theirs(h)))
		s.added(h, done && h.protocol == otherManager)
	}
}

// added notes a foreign hop; a replacement may have taken others away.
func (s *besieged) added(h hop, done bool) {
	s.recount()
	if !done {
		return
	}
	for _, there := range readMain(s) {
		if there.id() == h.id() {
			s.foreign[h.id()] = true
		}
	}
}

// recount drops the foreign hops that this change, or the kernel, took away.
func (s *besieged) recount() {
	there := map[id]bool{}
	for _, h := range readMain(s) {
		there[h.id()] = true
	}
	for f := range s.foreign {
		if !there[f] {
			delete(s.foreign, f)
		}
	}
}

func (s *besieged) withdrawOne() {
	for _, h := range readMain(s) {
		if !s.foreign[h.id()] {
			continue
		}
		r := theirs(h)
		r.Protocol = 0 // in a group any protocol may be shown
		s.try(fmt.Sprintf("withdraw %v", h), netlink.RouteDel(r))
		s.recount()
		return
	}
}

// impostor writes a route that carries the agent's protocol.
func (s *besieged) impostor(h hop) {
	h.protocol = testProtocol
	r := theirs(h)
	if s.foreign[h.id()] {
		return
	}
	switch s.random.IntN(4) {
	case 0: // one leg as the agent would write it
		own := s.draw().Route
		for _, w := range s.desired {
			own = w.Route
			break
		}
		h.dst, h.metric = own.Destination(), int(own.Metric())
		if own.Destination().Addr().Is4() != h.via.Is4() {
			return
		}
		r = theirs(h)
		r.Gw, r.LinkIndex = nil, 0
		r.MultiPath = []*netlink.NexthopInfo{{LinkIndex: s.links[0], Gw: own.NextHop().AsSlice()}, {LinkIndex: h.link, Gw: h.via.AsSlice()}}
		s.try(fmt.Sprintf("impostor multipath %v and %s", h, own.NextHop()), netlink.RouteReplace(r))
	case 1: // by a next-hop object
		object := &netlink.Nexthop{ID: uint32(7 + s.random.IntN(100)), Gateway: h.via.AsSlice(), OIF: uint32(h.link)}
		if s.try(fmt.Sprintf("nexthop %d via %s", object.ID, h.via), netlink.NexthopReplace(object)) {
			r.Gw, r.LinkIndex, r.NHID = nil, 0, object.ID
			s.try(fmt.Sprintf("impostor nhid %d %v", object.ID, h), netlink.RouteReplace(r))
		}
	case 2:
		s.try(fmt.Sprintf("impostor append %v", h), netlink.RouteAppend(r))
	default:
		s.try(fmt.Sprintf("impostor replace %v", h), netlink.RouteReplace(r))
	}
	s.recount()
}

// dress gives a route of the agent's what the agent does not write.
func (s *besieged) dress(hop) {
	for _, w := range s.desired {
		r := theirs(hop{dst: w.Route.Destination(), metric: int(w.Route.Metric()), kind: unix.RTN_UNICAST, protocol: testProtocol, via: w.Route.NextHop(), link: s.links[0]})
		for f := range s.foreign { // a change would be of the first with the key
			if f.dst == w.Route.Destination() && f.metric == int(w.Route.Metric()) {
				return
			}
		}
		switch s.random.IntN(2) {
		case 0:
			r.MTU = 1280
		default:
			r.AdvMSS = 1200
		}
		s.try(fmt.Sprintf("change %s: mtu %d advmss %d", w.Route, r.MTU, r.AdvMSS), netlink.RouteChange(r))
		return
	}
}

// handDelete deletes a route of the agent's.
func (s *besieged) handDelete() {
	for _, h := range readMain(s) {
		if h.protocol == testProtocol && !s.foreign[h.id()] {
			s.try(fmt.Sprintf("hand delete %v", h), netlink.RouteDel(theirs(h)))
			s.recount()
			return
		}
	}
}

// policy adds and removes rules and routes in another table.
func (s *besieged) policy() {
	h := s.foreignHop()
	if s.random.IntN(2) == 0 {
		h.protocol = testProtocol // a copy of main keeps the numbers
	}
	r := theirs(h)
	r.Table = otherTable
	switch s.random.IntN(4) {
	case 0:
		s.try(fmt.Sprintf("table %d: replace %v", otherTable, h), netlink.RouteReplace(r))
	case 1:
		s.try(fmt.Sprintf("table %d: delete %v", otherTable, h), netlink.RouteDel(r))
	case 2: // with a route, as CNIs and VPNs do it
		s.try(fmt.Sprintf("table %d: replace %v", otherTable, h), netlink.RouteReplace(r))
		rule := netlink.NewRule()
		rule.Dst, rule.Table, rule.Priority = theirs(h).Dst, otherTable, 1000+s.random.IntN(100)
		rule.Family = unix.AF_INET
		if h.dst.Addr().Is6() {
			rule.Family = unix.AF_INET6
		}
		s.try(fmt.Sprintf("rule to %s lookup %d", h.dst, otherTable), netlink.RuleAdd(rule))
	default:
		for _, rule := range s.rules() {
			s.try(fmt.Sprintf("delete %v", rule), netlink.RuleDel(&rule))
		}
	}
}
