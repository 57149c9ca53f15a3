package fleet

import (
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// ledger is what is known of a node: what the inventory and the store say of it,
// and what its agent reported. Its methods do no I/O, end no session and wake
// nobody: whoever locked the node does that, and logs.
type ledger struct {
	epoch *atomic.Uint64 // the store's
	ports *portTable

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

	// What the agent last reported; in a session that is lost where live is nil.
	reported   bool   // in full, in this session or the one that it renews
	answered   uint64 // the newest wiring that such a report answers
	carried    routes.Version
	acks       ackLog
	exceptions map[routes.Key]*exception
	links      []Link
	counters   counters
	alarms     []alarm
	unstored   uint64 // statuses in this session of routes that are not stored
	accused    accusation
	proved     proof // the last one stored
	lastReport time.Time
	stale      bool // the live session's last report is too old
	agent      string
	kernel     string
}

type counters struct{ repairs, writes uint64 }

// alarm is what the agent complains of.
type alarm struct {
	kind routes.AlarmKind // empty: the agent does not say it
	text string
}

// exception is a route's status where it is not plainly programmed. Equal
// ones of one report are one.
type exception struct {
	state     routes.State
	cause     routes.Cause
	condition routes.Condition
	detail    string
	time      time.Time
}

// setInventory takes over what the inventory says; it reports whether that is news.
func (l *ledger) setInventory(inv hostvm.Node, snap *hostvm.Snapshot) bool {
	macs := l.macs
	if snap.Problem == "" { // else nothing is known of the switches, and nothing is not none
		macs = portMACs(inv, snap, l.macs)
	}
	if l.listed && reflect.DeepEqual(l.inv, inv) && maps.Equal(l.macs, macs) {
		return false
	}
	l.wiring.note(l.macs, macs)
	l.inv, l.listed, l.macs = inv, true, macs
	if inv.Name != "" {
		l.name = inv.Name
	}
	return true
}

func (l *ledger) setKnown(k store.KnownNode) {
	l.known = true
	if !l.listed && k.Name != "" {
		l.name = k.Name
	}
}

// portMACs finds the NIC that the node has on each port's switch. A port that
// the device does not have now keeps its NIC for as long as the node has it.
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

func (l *ledger) target() target {
	t := target{Node: l.inv, adopt: l.adopt}
	t.dial = l.listed && l.inv.State != hostvm.NodeStopped && l.inv.Endpoint != ""
	return t
}
