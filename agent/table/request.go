package table

import (
	"github.com/hcsroute/hcsroute/routes"
)

// packLen is the number of routes of a whole set that are handed over at once:
// the table takes them in while more are packed.
const packLen = 4096

// request is a Set, a Delta or a policy, in compact form.
type request struct {
	generation uint64
	complete   bool
	count      int          // of the upserts of a Set
	upserts    <-chan batch // closed after the last; nil for none
	removals   []routes.Key
	policy     *bool
}

// batch is some of the routes of a request.
type batch struct {
	slots []slot
	names []port // what the slots' ports mean, in all batches so far
}

// packer makes batches of wants.
type packer struct {
	batch
	alias string
	mac   string
	last  uint16
}

func (p *packer) add(w Want) {
	alias := w.Route.Interface()
	if len(p.names) == 0 || alias != p.alias || w.MAC != p.mac {
		p.alias, p.mac, p.last = alias, w.MAC, p.port(alias, w.MAC)
	}
	d := packDst(w.Route.Destination())
	p.slots = append(p.slots, slot{
		dst: d.addr, bits: d.bits, v4: d.v4, hop: packHop(w.Route.NextHop()),
		metric: w.Route.Metric(), port: p.last,
	})
}

func (p *packer) port(alias, mac string) uint16 {
	for i, n := range p.names {
		if n.alias == alias && n.mac == mac {
			return uint16(i)
		}
	}
	p.names = append(p.names, port{alias: alias, mac: mac})
	return uint16(len(p.names) - 1)
}

// next is what was packed since the batch before.
func (p *packer) next() batch {
	b := p.batch
	p.slots = make([]slot, 0, min(packLen, cap(b.slots)))
	return b
}

// SetDesired replaces the desired set. It does not wait: see Report.Generation.
func (t *Table) SetDesired(s Set) {
	batches := make(chan batch, s.Len/packLen+2)
	t.post(request{generation: s.Generation, complete: true, count: s.Len, upserts: batches})
	p := packer{batch: batch{slots: make([]slot, 0, min(s.Len, packLen))}}
	for w := range s.Routes {
		p.add(w)
		// The last place is for the rest, so that sending never waits.
		if len(p.slots) >= packLen && len(batches) < cap(batches)-1 {
			batches <- p.next()
		}
	}
	batches <- p.batch
	close(batches)
}

// Apply changes the desired set. It does not wait: see Report.Generation.
func (t *Table) Apply(d Delta) {
	p := packer{batch: batch{slots: make([]slot, 0, len(d.Upserts))}}
	for _, w := range d.Upserts {
		p.add(w)
	}
	batches := make(chan batch, 1)
	batches <- p.batch
	close(batches)
	t.post(request{generation: d.Generation, removals: d.Removals, upserts: batches})
}

// SetPolicy says whether routes may take over traffic to a connected network
// of their NIC; every route is judged again.
func (t *Table) SetPolicy(generation uint64, overrideOnLink bool) {
	t.post(request{generation: generation, policy: &overrideOnLink})
}

func (t *Table) post(r request) {
	t.mu.Lock()
	t.inbox = append(t.inbox, r)
	t.mu.Unlock()
	select {
	case t.wakeup <- struct{}{}:
	default:
	}
}

// takeRequests carries the waiting requests into the model.
func (t *Table) takeRequests() {
	t.mu.Lock()
	inbox := t.inbox
	t.inbox = nil
	t.mu.Unlock()
	for _, r := range inbox {
		t.take(r)
		t.target = max(t.target, r.generation)
	}
}

func (t *Table) take(r request) {
	if r.policy != nil && t.override != *r.policy {
		t.override = *r.policy
		t.queueAll()
	}
	for _, key := range r.removals {
		if p, ok := t.byName[key.Interface]; ok {
			if i := t.find(t.first(packDst(key.Destination)), packHop(key.NextHop), p); i >= 0 {
				t.part(i)
			}
		}
	}
	if r.complete {
		t.clearFlag(flagSeen)
		if t.used == 0 {
			t.urgent, t.due, t.blocked, t.unchecked, t.unclear = nil, nil, nil, nil, nil
			t.reset(r.count)
		}
	}
	track := len(t.left) > 0 || r.complete && t.used > 0
	if r.upserts != nil {
		var ports []uint16
		for b := range r.upserts {
			for _, n := range b.names[len(ports):] {
				ports = append(ports, t.usePort(n))
			}
			t.desire(b.slots, ports, track)
		}
	}
	if r.complete {
		t.removeUnseen()
		t.authoritative, t.deletable = true, true
	}
	t.pair()
}

// usePort is the number of a port, which may have got another MAC.
func (t *Table) usePort(n port) uint16 {
	index, changed := t.portOf(n.alias, n.mac)
	if changed {
		t.linksAt, t.linksKnown = t.now(), false
		t.ports[index].nic = NIC{Interface: n.alias, MAC: n.mac, Cause: routes.NoNodeNIC}
		t.queuePort(index) // its routes leave the NIC that they were on, also where the links have no other
	}
	return index
}

// desire upserts routes; track has those that are new noted for pair.
func (t *Table) desire(slots []slot, ports []uint16, track bool) {
	for _, s := range slots {
		s.port = ports[s.port]
		head := t.first(s.key())
		i := t.find(head, s.hop, s.port)
		switch {
		case i < 0:
			i = t.insert(head, s)
			t.queue(i)
			if track {
				t.slots[i].set(flagNew)
				t.fresh = append(t.fresh, i)
			}
		case t.slots[i].metric != s.metric:
			if old := &t.slots[i]; old.link != 0 {
				t.standIns[i] = standIn{entry: old.entry(old.link)}
			}
			t.withdraw(i)
			t.deletable = true
			t.slots[i].metric = s.metric
			t.slots[i].clear(flagChecked | flagTried | flagLost)
			t.queue(i)
			if t.slots[i].has(flagShared) {
				t.queueChain(t.slots[i].key()) // another may have waited for the metric
			}
		}
		t.slots[i].set(flagSeen)
	}
}

// removeUnseen takes out what a complete set did not have.
func (t *Table) removeUnseen() {
	for i := range t.slots {
		if s := &t.slots[i]; s.has(flagUsed) && !s.has(flagSeen) {
			if len(t.fresh) > 0 { // else there is nothing that could take its place
				t.part(int32(i))
			} else {
				t.removeSlot(int32(i))
			}
		}
	}
}

// removeSlot takes a route out of the desired set and forgets its status.
func (t *Table) removeSlot(i int32) {
	d := t.slots[i].key()
	t.setException(i, Exception{})
	t.forget(i)
	t.remove(i)
	if t.first(d) < 0 {
		delete(t.foreign, d)
	}
	t.queueChain(d) // who wins may have changed
	t.deletable = t.deletable || len(t.extras)+len(t.objects) > 0
}

// queuePort has the routes of a port judged again.
func (t *Table) queuePort(port uint16) {
	for i := range t.slots {
		if s := &t.slots[i]; s.has(flagUsed) && s.port == port {
			t.queue(int32(i))
		}
	}
}

func (t *Table) clearFlag(f flag) {
	for i := range t.slots {
		t.slots[i].clear(f)
	}
}
