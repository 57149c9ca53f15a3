package table

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	// factsRetry is the wait before links are read again after an error.
	factsRetry = 200 * time.Millisecond
	// othersPause is the time from a change of another link than ours to the
	// reading of the links: pods come and go in bursts.
	othersPause = 200 * time.Millisecond
)

// needLinks has the links read again: at once, unless that has taken more than
// its share of the last second. The kernel goes through all of table main for it.
func (t *Table) needLinks() { earlier(&t.linksAt, t.linkReads.next(t.now())) }

// needOthers has the links read again for one that no route uses, which the host
// wants to know for its checks before the first route: soon, and in what time the
// routes and our links leave.
func (t *Table) needOthers() {
	earlier(&t.othersAt, latest(t.now().Add(othersPause), t.linkReads.rested()))
}

// othersDue is when that is to be done: writing goes before, but not for ever.
func (t *Table) othersDue() time.Time {
	waiting := len(t.wakeup) + len(t.urgent) + len(t.due) + len(t.unchecked) + len(t.blocked) + t.unread
	if !t.othersAt.IsZero() && (waiting > 0 || t.deletable) {
		return t.othersAt.Add(maxPace)
	}
	return t.othersAt
}

// refreshLinks reads the links and finds each port's NIC by its MAC.
func (t *Table) refreshLinks(ctx context.Context) {
	ours := !t.linksAt.IsZero() // else it is for others' links only
	start := t.now()
	t.linkReads.begin(start)
	links, err := t.kernel.Links(ctx)
	now := t.now()
	t.linkReads.add(now.Sub(start))
	if err != nil {
		t.opts.Log.Error("read links", "error", err, "retry", factsRetry)
		t.linksUnread(now, ours)
		return
	}
	t.linksKnown, t.linksAt, t.othersAt = true, time.Time{}, time.Time{}
	if t.links == nil || !reflect.DeepEqual(links, t.links) {
		t.links, t.dirty = links, true
	}
	t.findNICs(ours)
}

// linksUnread has the links read again, after an error. Where it was for others'
// links, what is known of ours still holds. Those who wait for the first reading
// learn that it has failed.
func (t *Table) linksUnread(now time.Time, ours bool) {
	if ours {
		t.linksKnown, t.linksAt, t.othersAt = false, now.Add(factsRetry), time.Time{}
	} else {
		t.othersAt = latest(now.Add(factsRetry), t.linkReads.rested())
	}
	if t.links == nil {
		t.links, t.dirty = []kernel.Link{}, true
	}
}

// findNICs finds the NIC of each port, and marks as due what that concerns. After a
// change of our links that includes what waits for one, though they look as before.
func (t *Table) findNICs(ours bool) {
	changed := make(map[uint16][]routes.ConnectedRoute)
	for i := range t.ports {
		p := &t.ports[i]
		nic := t.findNIC(i)
		if !reflect.DeepEqual(nic, p.nic) {
			if nic.Link != p.nic.Link || nic.Cause != p.nic.Cause {
				t.opts.Log.Info("the NIC of a port", "port", p.alias, "mac", p.mac, "link", nic.Name, "problem", nic.Cause)
			}
			changed[uint16(i)] = difference(nic.Connected, p.nic.Connected)
			if nic.Link != p.nic.Link || len(changed[uint16(i)]) > 0 || !slices.Equal(nic.Addresses, p.nic.Addresses) {
				t.readdressed = true
			}
			p.nic = nic
		}
	}
	t.hopsDue, t.readdressed = t.hopsDue || t.readdressed, false
	if len(changed) > 0 {
		t.queueConcerned(changed)
		t.reportNICs()
	}
	// After an event the kernel may answer differently, even if the facts look as before.
	for i, e := range t.excs {
		_, moved := changed[t.slots[i].port]
		if e.State != routes.Programmed && (moved || ours && e.Cause != routes.KernelRejected) {
			t.queue(i)
		}
	}
}

// queueConcerned marks as due what decide may see differently now: routes of
// changed ports that are not in the kernel, or whose link is another, or whose
// destination is in a connected network that came or went.
func (t *Table) queueConcerned(changed map[uint16][]routes.ConnectedRoute) {
	for i := range t.slots {
		s := &t.slots[i]
		connected, ok := changed[s.port]
		if !ok || !s.has(flagUsed) {
			continue
		}
		d := s.key().prefix()
		if s.link == 0 || !t.ports[s.port].nic.mayBe(s.link) ||
			slices.ContainsFunc(connected, func(c routes.ConnectedRoute) bool { return routes.Covers(c.Prefix, d) }) {
			t.queue(int32(i))
		}
	}
}

// difference is what only one of them has.
func difference(a, b []routes.ConnectedRoute) (only []routes.ConnectedRoute) {
	for _, pair := range [][2][]routes.ConnectedRoute{{a, b}, {b, a}} {
		for _, c := range pair[0] {
			if !slices.Contains(pair[1], c) {
				only = append(only, c)
			}
		}
	}
	return only
}

// findNIC is the link that bears the port's MAC.
func (t *Table) findNIC(i int) NIC {
	p := &t.ports[i]
	inUse := p.nic.Link
	l, candidates := kernel.FindNIC(t.links, p.mac, inUse)
	if len(candidates) > 1 && inUse == 0 {
		l, candidates = kernel.FindNIC(t.links, p.mac, t.linkUsed(uint16(i)))
	}
	if l.Index == 0 {
		nic := NIC{Interface: p.alias, MAC: p.mac, Cause: routes.NoNodeNIC}
		for _, c := range candidates {
			nic.Cause, nic.unclear = routes.NICAmbiguous, append(nic.unclear, c.Index)
			nic.Name = strings.TrimPrefix(nic.Name+", "+c.Name, ", ")
		}
		return nic
	}
	addrs := make([]netip.Prefix, len(l.Addresses))
	for i, a := range l.Addresses {
		addrs[i] = a.Prefix
	}
	return NIC{
		Interface: p.alias, MAC: p.mac, Link: l.Index, Name: l.Name, Up: l.Up, Lower: l.Lower, MTU: l.MTU, NoIPv6: l.NoIPv6,
		Addressing: l.Addressing(), Addresses: addrs, Connected: l.Connected,
	}
}

// linkUsed is a link on which the kernel has routes of the port; 0 for none.
func (t *Table) linkUsed(port uint16) int32 {
	for i := range t.slots {
		if s := &t.slots[i]; s.has(flagUsed) && s.port == port && s.link != 0 {
			return s.link
		}
	}
	return 0
}

// reviewNICs has the links read again where several may be the NIC, and a route
// in the kernel now shows which one is.
func (t *Table) reviewNICs() {
	for i := range t.ports {
		if len(t.ports[i].nic.unclear) > 0 && t.linkUsed(uint16(i)) != 0 {
			t.needLinks()
		}
	}
}

// mayBe says that link is the NIC, or one of those that may be it: routes on
// it stay.
func (n *NIC) mayBe(link int32) bool { return n.Link == link || slices.Contains(n.unclear, link) }

// reaches reports whether an address is in a connected network of the NIC.
func (n *NIC) reaches(a netip.Addr) bool {
	return slices.ContainsFunc(n.Connected, func(c routes.ConnectedRoute) bool { return c.Prefix.Contains(a) })
}

// linkName is the name of a link, as far as it is known: a newer one's is not.
func (t *Table) linkName(index int32) string {
	for i := range t.links {
		if l := &t.links[i]; l.Index == index {
			return l.Name
		}
	}
	return fmt.Sprintf("link %d", index)
}

// concerns reports whether a link event is about a NIC of ours, or may be.
func (t *Table) concerns(e kernel.Event) bool {
	for i := range t.ports {
		p := &t.ports[i]
		if p.nic.mayBe(e.Link) || e.MAC != "" && strings.EqualFold(e.MAC, p.mac) {
			return true
		}
	}
	return false
}

// lacksNIC reports whether a port has a NIC in the node, and none is found.
func (t *Table) lacksNIC() bool {
	return slices.ContainsFunc(t.ports, func(p port) bool { return p.nic.Cause != "" && p.mac != "" })
}
