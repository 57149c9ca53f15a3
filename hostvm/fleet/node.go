package fleet

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// node is what the manager knows of one node. Its goroutine is run; all else
// is under mu, which is never held during I/O.
type node struct {
	m       *Manager
	id      string
	dropped chan struct{} // closed when the node is neither listed nor known
	changed signal        // inventory or adoption

	mu      sync.Mutex
	inv     hostvm.Node
	listed  bool
	known   bool
	name    string            // as the inventory has it, or had
	macs    map[string]string // by folded alias of a known port: the node's NIC on its switch, empty for none
	wiring  wiring
	adopt   bool
	live    *session // with an accepted hello, or over and about to be renewed; nil when there is none
	problem string   // why there is none
	remedy  string   // what to do about that
	logged  string   // the problem that the log has

	// What the agent last told; of a lost session where live is nil.
	reported   bool   // in full, in this session or the one that it renews
	answered   uint64 // the newest wiring that such a report answers
	carried    routes.Version
	acks       ackLog
	exceptions map[routes.Key]*exception
	links      []Link
	counters   counters
	alarm      string
	unstored   uint64 // statuses in this session of routes that are not stored
	accused    accusation
	proved     proof // the last one stored
	lastReport time.Time
	stale      bool // the live session's last report is too old
	agent      string
	kernel     string
}

type counters struct{ repairs, writes uint64 }

// exception is a route's status where it is not plainly programmed. Equal
// ones of one report are one.
type exception struct {
	state     routes.State
	cause     routes.Cause
	condition routes.Condition
	detail    string
	time      time.Time
}

func newNode(m *Manager, id string) *node {
	return &node{m: m, id: id, name: id, dropped: make(chan struct{}), problem: "no session yet"}
}

func (n *node) title() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.name
}

// setInventory takes over what the inventory says.
func (n *node) setInventory(inv hostvm.Node, snap *hostvm.Snapshot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	macs := n.macs
	if snap.Problem == "" { // else nothing is known of the switches, and nothing is not none
		macs = portMACs(inv, snap, n.macs)
	}
	if n.listed && reflect.DeepEqual(n.inv, inv) && maps.Equal(n.macs, macs) {
		return
	}
	n.wiring.note(n.macs, macs)
	n.inv, n.listed, n.macs = inv, true, macs
	if inv.Name != "" {
		n.name = inv.Name
	}
	n.changed.raise()
}

// setGone notes that the inventory does not list the node. It tells whether
// the node stays because it is known.
func (n *node) setGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listed {
		n.listed = false
		n.changed.raise()
	}
	return n.known
}

func (n *node) setKnown(k store.KnownNode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known = true
	if !n.listed && k.Name != "" {
		n.name = k.Name
	}
}

// portMACs finds the NIC that the node has on each port's switch. A port that
// the device does not have now takes none away: while the node has the NIC that
// it had there, that stays.
func portMACs(inv hostvm.Node, snap *hostvm.Snapshot, before map[string]string) map[string]string {
	macs := make(map[string]string, len(snap.Ports))
	for alias, mac := range before {
		if !slices.ContainsFunc(inv.NICs, func(nic hostvm.NIC) bool { return nic.MAC == mac }) {
			mac = ""
		}
		macs[alias] = mac
	}
	for _, p := range snap.Ports {
		macs[routes.FoldAlias(p.Alias)] = nicOn(inv, p.Switch)
	}
	return macs
}

// nicOn is the MAC of the node's NIC on a switch; empty where it has none.
func nicOn(inv hostvm.Node, name string) string {
	for _, nic := range inv.NICs {
		if name != "" && nic.Switch == name {
			return nic.MAC
		}
	}
	return ""
}

// target is what the session loop works towards.
type target struct {
	hostvm.Node
	dial  bool // the node is to have a session
	adopt bool
}

func (n *node) target() target {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := target{Node: n.inv, adopt: n.adopt}
	t.dial = n.listed && n.inv.State != hostvm.NodeStopped && n.inv.Endpoint != ""
	return t
}

// ackLog tells when each revision was first reported carried out, in little
// memory: beyond its limit it keeps every second entry of the older half.
type ackLog struct{ entries []ack }

type ack struct {
	revision routes.Revision
	time     time.Time
}

const maxAcks = 1024

func (l *ackLog) add(rev routes.Revision, at time.Time) {
	if len(l.entries) > 0 && rev <= l.entries[len(l.entries)-1].revision {
		return
	}
	l.entries = append(l.entries, ack{rev, at})
	if len(l.entries) < maxAcks {
		return
	}
	kept := l.entries[:0]
	for i, e := range l.entries {
		if i%2 == 1 || i >= maxAcks/2 {
			kept = append(kept, e)
		}
	}
	l.entries = kept
}

// at is when the revision was first reported, or the closest later time kept.
func (l *ackLog) at(rev routes.Revision) time.Time {
	lo, hi := 0, len(l.entries)
	for lo < hi {
		mid := (lo + hi) / 2
		if l.entries[mid].revision < rev {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(l.entries) {
		return time.Time{}
	}
	return l.entries[lo].time
}
