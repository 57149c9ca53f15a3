package table

import (
	"fmt"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// decide says what a due route needs: an Add, an Append, or nothing (0). Where
// it may not be in the kernel now, it sets the exception that says why.
func (t *Table) decide(i int32) (op kernel.Op) {
	s := &t.slots[i]
	nic := &t.ports[s.port].nic
	was := s.link != 0 || s.has(flagLost)
	if s.link != 0 && !nic.mayBe(s.link) {
		t.depart(i) // the MAC has moved to another link, or is gone
		s.set(flagLeft)
	}
	if nic.Link == 0 {
		if s.link == 0 {
			t.setException(i, Exception{State: routes.Waiting, Cause: nic.Cause, Detail: nicDetail(nic), Withdrawn: was})
		}
		return op // what is there stays while it is unclear which link is the NIC
	}
	if e, held := t.onLink(s, nic); e.State == routes.Failed || held && s.link == 0 {
		if s.link != 0 {
			t.depart(i)
		}
		e.Withdrawn = was
		t.setException(i, e)
		return op
	}
	if s.link != 0 {
		return op
	}
	want := s.entry(nic.Link)
	if _, there := t.extras[want]; there && t.known {
		t.keep(want) // not yet deleted; read back, it is ours again
		t.written(i, want.link)
		s.set(flagTaken)
		return op
	}
	if e, not := t.notNow(i, nic); not {
		s.clear(flagTried) // when the key is free, the next EEXIST is news
		t.setException(i, e)
		return op
	}
	op = kernel.Op{Kind: kernel.Add, Entry: want.unpack()}
	inWay, ok := t.inTheWay(want)
	beside := t.extraKeys[want.kernelKey]
	if ok {
		beside--
	}
	if beside > 0 {
		if !s.has(flagChecked) {
			t.unchecked = append(t.unchecked, i)
			return kernel.Op{}
		}
		op.Kind = kernel.Append
	}
	if ok {
		t.ops, t.which = append(t.ops, inWay.op()), append(t.which, -1)
	}
	return op
}

// inTheWay is a route of ours that is not as we want it, but that the kernel
// takes for the one we want: IPv6 has one for each next hop. It must go first;
// the two changes are sent together.
func (t *Table) inTheWay(want entry) (object, bool) {
	if want.v4 || len(t.objects) == 0 {
		return object{}, false
	}
	for _, protocol := range append([]uint8{0}, t.former...) {
		o := object{entry: want, protocol: protocol}
		if _, ok := t.objects[o]; ok {
			return o, true
		}
	}
	return object{}, false
}

// notNow says why a route that is not in the kernel cannot be added now.
func (t *Table) notNow(i int32, nic *NIC) (Exception, bool) {
	s := &t.slots[i]
	switch nic.Addressing {
	case routes.AddressingStatic:
	case routes.AddressingNone:
		return Exception{State: routes.Waiting, Cause: routes.NICNoAddress, Detail: nic.Name + " has no address yet"}, true
	default:
		return Exception{State: routes.Failed, Cause: routes.NICNotStatic, Detail: fmt.Sprintf("%s has no static address (%s)", nic.Name, nic.Addressing)}, true
	}
	if !nic.Up {
		return Exception{State: routes.Waiting, Cause: routes.LinkDown, Detail: nic.Name + " is down"}, true
	}
	j := int32(-1)
	if s.has(flagShared) {
		j = t.first(s.key())
	}
	for ; j >= 0; j = t.slots[j].next {
		if o := &t.slots[j]; j != i && o.metric == s.metric && o.link != 0 {
			return Exception{State: routes.Waiting, Cause: routes.KeyHeld, Detail: "our route " + t.keyOf(j).String() + " has the same metric"}, true
		}
	}
	for _, r := range t.foreign[s.key()] {
		if r.Metric == uint32(s.metric) {
			return t.conflict(r), true
		}
	}
	if f, ok := t.fights[i]; ok && f.until.After(t.now()) {
		t.retryIn(i, f.until.Sub(t.now()))
		return Exception{State: routes.Waiting, Cause: routes.ForeignConflict, Detail: f.message}, true
	}
	return Exception{}, false
}

// onLink applies the rule for a destination equal to or inside a connected
// network of the route's own NIC. held says that the kernel's own route has
// the very key.
func (t *Table) onLink(s *slot, nic *NIC) (e Exception, held bool) {
	d := s.key().prefix()
	for _, c := range nic.Connected {
		if !routes.Covers(c.Prefix, d) {
			continue
		}
		same := c.Prefix.Bits() == d.Bits()
		if same && uint32(s.metric) == c.Metric {
			return Exception{State: routes.Waiting, Cause: routes.KeyHeld, Detail: fmt.Sprintf("the connected route %s dev %s has metric %d too", c.Prefix, nic.Name, c.Metric)}, true
		}
		if t.override || same && uint32(s.metric) > c.Metric {
			continue
		}
		how := "is inside"
		if same {
			how = fmt.Sprintf("with metric %d goes before", s.metric)
		}
		return Exception{State: routes.Failed, Cause: routes.OnLinkOverride, Detail: fmt.Sprintf("%s %s the connected network %s of %s (metric %d)", d, how, c.Prefix, nic.Name, c.Metric)}, false
	}
	return Exception{}, false
}

// conflict is the status of a route whose kernel key r holds.
func (t *Table) conflict(r kernel.Route) Exception {
	e := Exception{State: routes.Failed, Cause: routes.ForeignConflict, Detail: "the kernel key is held by " + t.describe(r)}
	if r.Protocol == kernel.ProtocolKernel {
		e.State, e.Cause = routes.Waiting, routes.KeyHeld
	}
	return e
}

// describe names a route for an operator.
func (t *Table) describe(r kernel.Route) string {
	s := r.Destination.String()
	if r.Type != kernel.TypeUnicast {
		s = kernel.TypeName(r.Type) + " " + s
	}
	if r.NextHop.IsValid() && !r.NextHop.IsUnspecified() {
		s += " via " + r.NextHop.String()
	}
	if r.Joined {
		r.Protocol = 0
	}
	if r.Link != 0 { // a route that refuses has none
		s += " dev " + t.linkName(r.Link)
	}
	return fmt.Sprintf("%s metric %d proto %s", s, r.Metric, protocolName(r.Protocol))
}

func nicDetail(nic *NIC) string {
	if nic.Cause == routes.NICAmbiguous {
		return fmt.Sprintf("several links have the MAC %s: %s", nic.MAC, nic.Name)
	}
	if nic.MAC == "" {
		return "the node has no NIC on the port's switch"
	}
	return "no link has the MAC " + nic.MAC
}

// protocolName names a protocol for an operator.
func protocolName(p uint8) string {
	if p == 0 {
		return "unknown, joined to a route of ours"
	}
	return routes.ProtocolName(uint32(p))
}
