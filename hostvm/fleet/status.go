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
	n.mu.Lock()
	defer n.mu.Unlock()
	if rec.Removed {
		return n.removal(rec, key)
	}
	st := routes.NodeStatus{Node: n.name, State: routes.Waiting, Reported: n.lastReport}
	switch {
	case n.listed && n.inv.State == hostvm.NodeStopped:
		st.Cause = routes.NodeStopped
		n.lastSeen(&st, rec, key)
	case n.withoutNIC(key):
		st.Cause, st.Detail = routes.NoNodeNIC, "the node has no NIC on a switch of "+rec.Route.Interface()
		if n.live == nil {
			n.lastSeen(&st, rec, key)
		}
	case n.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, n.noSession()
		if !n.listed {
			st.Detail = "the inventory does not list the node any more; forget it if it is gone for good"
		}
		n.lastSeen(&st, rec, key)
	case n.stale:
		st.Cause, st.Detail = routes.Stale, n.silence()
		n.lastSeen(&st, rec, key)
	default:
		n.told(&st, rec, key)
	}
	return st, true
}

// withoutNIC is true where the node has no NIC for a route, and the agent, if it
// has a session, has taken out what was there. Needs mu.
func (n *node) withoutNIC(key routes.Key) bool {
	if !n.listed || !n.hasNoNIC(key.Interface) {
		return false
	}
	if n.live == nil {
		return true
	}
	e, ok := n.exceptions[key]
	stays := ok && e.state == routes.Removing
	return n.reported && !n.rewired(key.Interface) && !stays
}

// hasNoNIC tells that the port is known, and the node has no NIC on its switch.
// Needs mu.
func (n *node) hasNoNIC(folded string) bool {
	mac, known := n.macs[folded]
	return known && mac == ""
}

// told is the status that follows from the session's reports. Needs mu.
func (n *node) told(st *routes.NodeStatus, rec routes.Record, key routes.Key) {
	if !n.carriedOut(rec.Revision) || n.rewired(key.Interface) {
		st.State, st.Cause = routes.Waiting, routes.InProgress
		if n.reported {
			st.Revision = min(n.carried.Revision, rec.Revision)
		}
		return
	}
	st.Revision = rec.Revision
	e, ok := n.exceptions[key]
	if !ok {
		st.State, st.Time = routes.Programmed, n.acks.at(rec.Revision)
		return
	}
	st.State, st.Cause, st.Condition, st.Detail, st.Time = e.state, e.cause, e.condition, e.detail, e.time
	if st.Time.IsZero() {
		st.Time = n.acks.at(rec.Revision)
	}
}

// carriedOut tells whether the agent reported the revision in this session.
// Needs mu.
func (n *node) carriedOut(rev routes.Revision) bool {
	return n.live != nil && n.reported && n.carried.Epoch == n.m.epoch.Load() && rev <= n.carried.Revision
}

// lastSeen tells what a lost session had reported: not truth any more. Needs mu.
func (n *node) lastSeen(st *routes.NodeStatus, rec routes.Record, key routes.Key) {
	if n.lastReport.IsZero() || n.carried.Epoch != n.m.epoch.Load() || rec.Revision > n.carried.Revision {
		return
	}
	was := routes.Programmed
	if e, ok := n.exceptions[key]; ok {
		was = e.state
	}
	if was != routes.Programmed {
		return
	}
	seen := "programmed when last seen at " + n.lastReport.UTC().Format(time.RFC3339)
	if st.Detail != "" {
		seen = st.Detail + "; " + seen
	}
	st.Detail = seen
}

// removal is the status of a tombstone; ok is false where there is nothing to
// wait for. Needs mu.
func (n *node) removal(rec routes.Record, key routes.Key) (st routes.NodeStatus, ok bool) {
	if !n.known {
		return st, false
	}
	st = routes.NodeStatus{Node: n.name, State: routes.Removing, Cause: routes.InProgress, Reported: n.lastReport}
	switch {
	case n.carriedOut(rec.Revision):
		e, excepted := n.exceptions[key]
		if !excepted {
			return st, false
		}
		st.Revision, st.Cause, st.Detail, st.Time = rec.Revision, e.cause, e.detail, e.time
		if e.state == routes.Failed {
			st.State = routes.Failed
		}
	case n.listed && n.inv.State == hostvm.NodeStopped:
		st.Cause = routes.NodeStopped
	case n.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, n.noSession()
		if !n.listed {
			st.Detail = fmt.Sprintf("the inventory does not list the node any more; 'hcsroute nodes forget %s' if it is gone for good", n.name)
		}
	case n.stale:
		st.Cause, st.Detail = routes.Stale, n.silence()
	}
	return st, true
}
