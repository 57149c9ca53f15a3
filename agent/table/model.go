package table

import (
	"github.com/hcsroute/hcsroute/routes"
)

// port is a device port as routes name it, and the link it stands for here.
type port struct {
	alias  string // as the latest route spells it
	folded string
	mac    string
	nic    NIC

	withdrawn int    // routes that had to leave the kernel and are not back
	why       string // the last of them
	news      int    // of them, not yet in the log
}

// model is the desired routes and what the kernel holds of ours.
type model struct {
	slots  []slot
	free   []int32
	chains map[dstKey]int32 // first slot of each destination
	used   int              // desired routes
	unread int              // slots with flagUnread

	// likely is the slot after the one that was found last: a reading of the
	// kernel comes in about the order of the slots.
	likely int32

	ports  []port
	byName map[string]uint16 // by folded alias

	// extras are routes of ours in the kernel that are not desired, with 1 +
	// the port they were desired on, 0 where that is unknown. None is a slot's.
	extras map[entry]uint16
	// objects are kernel routes with our protocol that are not just an entry.
	objects map[object]struct{}
	// seenBefore are objects as they were before the reading under way.
	seenBefore map[object]struct{}
	extraKeys  map[kernelKey]int // of both
	// leaving are slots whose route has to leave the kernel, until it has.
	leaving map[int32]departure
}

func newModel() model {
	return model{
		chains: make(map[dstKey]int32), byName: make(map[string]uint16),
		extras: make(map[entry]uint16), objects: make(map[object]struct{}), extraKeys: make(map[kernelKey]int),
		leaving: make(map[int32]departure),
	}
}

// first is the first slot of a destination, or -1.
func (m *model) first(d dstKey) int32 {
	if i, ok := m.chains[d]; ok {
		return i
	}
	return -1
}

// reset makes room for n routes, where there are none, so that they lie in the
// order in which they come. It is sized once: growing by doubling would leave
// as much garbage again.
func (m *model) reset(n int) {
	m.slots, m.free = m.slots[:0], nil
	if n > cap(m.slots) || n < cap(m.slots)/4 {
		m.slots, m.chains = make([]slot, 0, n), make(map[dstKey]int32, n)
	}
}

// find is the slot of a route among those of its destination, or -1.
func (m *model) find(head int32, hop [16]byte, port uint16) int32 {
	for i := head; i >= 0; i = m.slots[i].next {
		if s := &m.slots[i]; s.hop == hop && s.port == port {
			return i
		}
	}
	return -1
}

// findEntry is the slot that wants e, on whatever link, or -1.
func (m *model) findEntry(e entry) int32 {
	for i := m.first(e.dstKey); i >= 0; i = m.slots[i].next {
		s := &m.slots[i]
		if s.hop == e.hop && uint32(s.metric) == e.metric && (s.link == e.link || m.ports[s.port].nic.mayBe(e.link)) {
			return i
		}
	}
	return -1
}

// slotOf is the slot that wants exactly e, or -1.
func (m *model) slotOf(e entry) int32 {
	if i := m.likely; int(i) < len(m.slots) && m.wants(i, e) {
		m.likely = i + 1
		return i
	}
	for i := m.first(e.dstKey); i >= 0; i = m.slots[i].next {
		if m.wants(i, e) {
			m.likely = i + 1
			return i
		}
	}
	return -1
}

// wants reports whether a slot's route is e, on the link that its port has.
func (m *model) wants(i int32, e entry) bool {
	s := &m.slots[i]
	return s.has(flagUsed) && s.dst == e.addr && s.hop == e.hop && s.bits == e.bits && s.v4 == e.v4 &&
		uint32(s.metric) == e.metric && m.ports[s.port].nic.mayBe(e.link)
}

// insert adds a desired route before the others of its destination and returns
// its slot.
func (m *model) insert(head int32, s slot) int32 {
	s.set(flagUsed)
	s.next = head
	if head >= 0 {
		s.set(flagShared)
		m.slots[head].set(flagShared)
	}
	i := int32(len(m.slots))
	if n := len(m.free); n > 0 {
		i, m.free = m.free[n-1], m.free[:n-1]
		m.slots[i] = s
	} else {
		m.slots = append(m.slots, s)
	}
	m.chains[s.key()] = i
	m.used++
	return i
}

// remove takes a route out of the desired set; what the kernel has of it
// becomes an extra.
func (m *model) remove(i int32) {
	s := &m.slots[i]
	m.withdraw(i)
	d := s.key()
	if first := m.chains[d]; first != i {
		for j := first; ; j = m.slots[j].next {
			if m.slots[j].next == i {
				m.slots[j].next = s.next
				break
			}
		}
	} else if s.next >= 0 {
		m.chains[d] = s.next
	} else {
		delete(m.chains, d)
	}
	*s = slot{next: -1}
	m.free = append(m.free, i)
	m.used--
}

// withdraw makes what the kernel has of a slot an extra.
func (m *model) withdraw(i int32) {
	s := &m.slots[i]
	m.read(i)
	if s.link != 0 {
		m.addExtra(s.entry(s.link), s.port+1)
		s.link = 0
	}
}

// read notes that a slot's write needs no reading back any more.
func (m *model) read(i int32) {
	if s := &m.slots[i]; s.has(flagUnread) {
		s.clear(flagUnread)
		m.unread--
	}
}

// written notes that a slot's write must be read back.
func (m *model) written(i int32, link int32) {
	s := &m.slots[i]
	s.link = link
	delete(m.leaving, i)
	if !s.has(flagUnread) {
		s.set(flagUnread)
		m.unread++
	}
}

func (m *model) addExtra(e entry, port uint16) {
	old, ok := m.extras[e]
	if !ok {
		m.extraKeys[e.kernelKey]++
	}
	m.extras[e] = max(old, port)
}

func (m *model) dropExtra(e entry) {
	if _, ok := m.extras[e]; ok {
		delete(m.extras, e)
		m.freeKey(e.kernelKey)
	}
}

func (m *model) freeKey(k kernelKey) {
	if m.extraKeys[k]--; m.extraKeys[k] == 0 {
		delete(m.extraKeys, k)
	}
}

// resetExtras empties extras and objects and returns what they were.
func (m *model) resetExtras() (map[entry]uint16, map[object]struct{}) {
	extras, objects := m.extras, m.objects
	m.extras, m.objects, m.extraKeys = make(map[entry]uint16), make(map[object]struct{}), make(map[kernelKey]int)
	return extras, objects
}

// keyOf is the name of a slot's route.
func (m *model) keyOf(i int32) routes.Key {
	s := &m.slots[i]
	d := s.key()
	return routes.Key{Destination: d.prefix(), NextHop: d.nextHop(s.hop), Interface: m.ports[s.port].folded}
}

// portOf is the index of a port, made where it is new.
func (m *model) portOf(alias, mac string) (index uint16, changed bool) {
	folded := routes.FoldAlias(alias)
	i, ok := m.byName[folded]
	if !ok {
		i = uint16(len(m.ports))
		m.ports = append(m.ports, port{alias: alias, folded: folded, mac: mac})
		m.byName[folded] = i
		return i, true
	}
	p := &m.ports[i]
	p.alias = alias
	if p.mac != mac {
		p.mac, changed = mac, true
	}
	return i, changed
}
