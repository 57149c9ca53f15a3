package fleet

import (
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// Status implements Fleet. PROGRAMMED comes from a report of this session
// only. Of a tombstone, nodes that have proved it gone, or never had a
// session, are left out.
func (m *Manager) Status(rec routes.Record) []routes.NodeStatus {
	key := rec.Route.Key()
	list := m.all()
	statuses := make([]routes.NodeStatus, 0, len(list))
	for _, n := range list {
		if st, ok := n.status(rec, key); ok {
			statuses = append(statuses, st)
		}
	}
	return statuses
}

func (n *node) status(rec routes.Record, key routes.Key) (routes.NodeStatus, bool) {
	l := n.lock()
	defer n.unlock()
	return l.status(rec, key)
}

func (l *ledger) status(rec routes.Record, key routes.Key) (routes.NodeStatus, bool) {
	if rec.Removed {
		return l.removal(rec, key)
	}
	st := routes.NodeStatus{Node: l.name, State: routes.Waiting, Reported: l.lastReport}
	switch {
	case l.listed && l.inv.State == hostvm.NodeStopped:
		st.Cause = routes.NodeStopped
		l.lastSeen(&st, rec, key)
	case l.withoutNIC(key):
		st.Cause, st.Detail = routes.NoNodeNIC, "the node has no NIC on a switch of "+rec.Route.Interface()
		if l.live == nil {
			l.lastSeen(&st, rec, key)
		}
	case l.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, l.noSession()
		if !l.listed {
			st.Detail = "the inventory does not list the node any more; forget it if it is gone for good"
		}
		l.lastSeen(&st, rec, key)
	case l.stale:
		st.Cause, st.Detail = routes.Stale, l.silence()
		l.lastSeen(&st, rec, key)
	default:
		l.reportedStatus(&st, rec, key)
	}
	return st, true
}

// withoutNIC is true where the node has no NIC for a route, and the agent, if it
// has a session, has taken out what was there.
func (l *ledger) withoutNIC(key routes.Key) bool {
	if !l.listed || !l.hasNoNIC(key.Interface) {
		return false
	}
	if l.live == nil {
		return true
	}
	e, ok := l.exceptions[key]
	stays := ok && e.state == routes.Removing
	return l.reported && !l.rewired(key.Interface) && !stays
}

// hasNoNIC says that the port is known, and the node has no NIC on its switch.
func (l *ledger) hasNoNIC(folded string) bool {
	mac, known := l.macs[folded]
	return known && mac == ""
}

// reportedStatus is the status that follows from the session's reports.
func (l *ledger) reportedStatus(st *routes.NodeStatus, rec routes.Record, key routes.Key) {
	if !l.carriedOut(rec.Revision) || l.rewired(key.Interface) {
		st.State = routes.Waiting
		st.Cause, st.Detail = l.awaited(rec.Revision)
		if l.reported {
			st.Revision = min(l.carried.Revision, rec.Revision)
		}
		return
	}
	st.Revision = rec.Revision
	e, ok := l.exceptions[key]
	if !ok {
		st.State, st.Time = routes.Programmed, l.acks.at(rec.Revision)
		return
	}
	st.State, st.Cause, st.Condition, st.Detail, st.Time = e.state, e.cause, e.condition, e.detail, e.time
	if st.Time.IsZero() {
		st.Time = l.acks.at(rec.Revision)
	}
}

// awaited says why the agent has not reported the revision yet, or the port's change.
func (l *ledger) awaited(rev routes.Revision) (routes.Cause, string) {
	if a := l.unsaved(); a.text != "" && !l.carriedOut(rev) {
		return routes.NotSaved, a.text
	}
	return routes.InProgress, ""
}

// unsaved is the alarm that the agent cannot save changes; without text where it can.
func (l *ledger) unsaved() alarm {
	for _, a := range l.alarms {
		if a.kind.Unsaved() {
			return a
		}
	}
	return alarm{}
}

// carriedOut reports whether the agent reported the revision in this session.
func (l *ledger) carriedOut(rev routes.Revision) bool {
	return l.live != nil && l.reported && l.carried.Epoch == l.epoch.Load() && rev <= l.carried.Revision
}

// lastSeen is what a lost session had reported: not truth any more.
func (l *ledger) lastSeen(st *routes.NodeStatus, rec routes.Record, key routes.Key) {
	if l.lastReport.IsZero() || l.carried.Epoch != l.epoch.Load() || rec.Revision > l.carried.Revision {
		return
	}
	was := routes.Programmed
	if e, ok := l.exceptions[key]; ok {
		was = e.state
	}
	if was != routes.Programmed {
		return
	}
	seen := "programmed when last seen at " + l.lastReport.UTC().Format(time.RFC3339)
	if st.Detail != "" {
		seen = st.Detail + "; " + seen
	}
	st.Detail = seen
}

// removal is the status of a tombstone; ok is false where there is nothing to
// wait for.
func (l *ledger) removal(rec routes.Record, key routes.Key) (st routes.NodeStatus, ok bool) {
	if !l.known {
		return st, false
	}
	st = routes.NodeStatus{Node: l.name, State: routes.Removing, Cause: routes.InProgress, Reported: l.lastReport}
	switch {
	case l.carriedOut(rec.Revision):
		e, excepted := l.exceptions[key]
		if !excepted {
			return st, false
		}
		st.Revision, st.Cause, st.Detail, st.Time = rec.Revision, e.cause, e.detail, e.time
		if e.state == routes.Failed {
			st.State = routes.Failed
		}
	case l.listed && l.inv.State == hostvm.NodeStopped:
		st.Cause = routes.NodeStopped
	case l.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, l.noSession()
		if !l.listed {
			st.Detail = fmt.Sprintf("the inventory does not list the node any more; 'hcsroute nodes forget %s' if it is gone for good", l.name)
		}
	case l.stale:
		st.Cause, st.Detail = routes.Stale, l.silence()
	default:
		st.Cause, st.Detail = l.awaited(rec.Revision)
	}
	return st, true
}
