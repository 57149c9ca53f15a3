package table

import (
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// object is a kernel route that is ours by its protocol, or by what it was
// (see Options.Former), and yet none that this table writes: altered by
// another, of several next hops, of another type, by a next-hop object. It
// holds its kernel key until it is deleted as what it is.
type object struct {
	entry           // only the kernel key, where there is a name
	name     string // kernel.Route.Object; empty where entry and protocol say it
	protocol uint8  // 0: ours
}

func objectOf(r kernel.Route) object {
	o := object{entry: pack(r.FIBEntry), name: r.Object}
	if o.name != "" {
		o.entry = entry{kernelKey: o.kernelKey}
	}
	return o
}

// op deletes the object.
func (o object) op() kernel.Op {
	return kernel.Op{Kind: kernel.Delete, Entry: o.unpack(), Object: o.name, Protocol: o.protocol}
}

func (m *model) addObject(o object) {
	if _, ok := m.objects[o]; !ok {
		m.objects[o] = struct{}{}
		m.extraKeys[o.kernelKey]++
	}
}

func (m *model) dropObject(o object) {
	if _, ok := m.objects[o]; ok {
		delete(m.objects, o)
		m.freeKey(o.kernelKey)
	}
}

// saw notes a route of table main that the kernel described.
func (t *Table) saw(r kernel.Route) {
	own := r.Protocol == t.kernel.Protocol()
	switch {
	case r.Joined:
		t.sawJoined(r)
	case own && r.Plain():
		t.sawOwn(pack(r.FIBEntry), 0, r.Flags)
	case own:
		t.sawObject(objectOf(r))
	case t.writtenBefore(r):
		o := objectOf(r)
		o.protocol = r.Protocol
		t.sawObject(o)
	default:
		t.addForeign(r)
	}
}

// writtenBefore is true for a route that we wrote when our protocol had another
// number. The number alone is no proof: the route must also be exactly a desired
// one, or have been one when it was first seen.
func (t *Table) writtenBefore(r kernel.Route) bool {
	if !r.Plain() || !slices.Contains(t.former, r.Protocol) {
		return false
	}
	o := objectOf(r)
	o.protocol = r.Protocol
	_, known := t.seenBefore[o]
	return known || t.slotOf(o.entry) >= 0
}

// sawObject notes a route that must go. For IPv6, one with the next hop of a
// desired route is there in its stead.
func (t *Table) sawObject(o object) {
	t.addObject(o)
	t.deletable = true
	if o.v4 || o.name != "" {
		return
	}
	if i := t.slotOf(o.entry); i >= 0 && t.slots[i].link != 0 {
		t.read(i)
		t.slots[i].link = 0
		t.slots[i].set(flagLost)
		t.queue(i)
	}
}

// sawJoined notes an IPv6 next hop that was described with an older one of its
// kernel key: it is there, but its writer is not known. What was known of it
// before still holds.
func (t *Table) sawJoined(r kernel.Route) {
	e := pack(r.FIBEntry)
	i := t.slotOf(e)
	_, extra := t.extras[e]
	switch {
	case i >= 0 && t.slots[i].link == e.link && !t.slots[i].has(flagUnread):
		t.slots[i].set(flagSeen)
	case extra, t.knownForeign(r):
	case t.first(e.dstKey) >= 0 || r.Protocol == t.kernel.Protocol():
		t.doubts = append(t.doubts, r)
	}
}

func (t *Table) knownForeign(r kernel.Route) bool {
	return slices.ContainsFunc(t.foreign[packDst(r.Destination)], func(o kernel.Route) bool {
		return o.FIBEntry == r.FIBEntry && o.Protocol != 0
	})
}
