package hostvm

import (
	"context"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// verdict is how far a node is with what somebody waits for.
type verdict int

const (
	verdictDone    verdict = iota
	verdictAbsent          // nobody waits for it: no session, and not said to run
	verdictHeld            // carried out, but a route waits; that may pass
	verdictBlocked         // carried out, but a route waits for a NIC that is not there
	verdictPending         // not carried out yet
	verdictFailed          // carried out, and a route failed
)

// Wait implements Fleet. Nodes that the inventory calls running, or that hold
// a session, must answer. A route that FAILED ends the wait once all nodes have
// answered, or after Timing.Grace: the others are not late yet. A route that
// WAITS although its revision was carried out (KEY_HELD, LINK_DOWN) may make
// good within Timing.Grace after all nodes have answered; then the wait ends
// too, because only an event outside of this service can end that state. One
// that waits for a NIC that does not exist gets no grace.
func (m *Manager) Wait(ctx context.Context, rev routes.Revision, keys []routes.Key) Waited {
	interest := make(map[routes.Key]struct{}, len(keys))
	for _, k := range keys {
		interest[k] = struct{}{}
	}
	var grace <-chan time.Time
	for {
		answered := m.answered.wait()
		worst, pending, late := m.judgeAll(rev, interest)
		switch {
		case worst <= verdictAbsent:
			return Waited{Reached: true}
		case worst == verdictFailed && !pending, worst == verdictBlocked:
			return Waited{Late: late}
		case worst == verdictFailed, worst == verdictHeld:
			if grace == nil {
				timer := time.NewTimer(m.timing.Grace)
				defer timer.Stop()
				grace = timer.C
			}
		default:
			grace = nil
		}
		select {
		case <-ctx.Done():
			return Waited{Late: late}
		case <-grace:
			return Waited{Late: late}
		case <-answered:
		}
	}
}

// judgeAll tells what the wait is at, with the status of each node that is late.
func (m *Manager) judgeAll(rev routes.Revision, interest map[routes.Key]struct{}) (worst verdict, pending bool, late []routes.NodeStatus) {
	for _, n := range m.all() {
		v, st := n.judge(rev, interest)
		worst, pending = max(worst, v), pending || v == verdictPending
		if v > verdictAbsent {
			late = append(late, st)
		}
	}
	return worst, pending, late
}

func (n *node) judge(rev routes.Revision, interest map[routes.Key]struct{}) (verdict, routes.NodeStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	st := routes.NodeStatus{Node: n.name, State: routes.Waiting, Cause: routes.InProgress}
	switch {
	case n.live == nil && (!n.listed || n.inv.State != NodeRunning):
		return verdictAbsent, st
	case n.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, n.problem
		return verdictPending, st
	case !n.carriedOut(rev), n.anyRewired(interest):
		if n.reported {
			st.Revision, st.Time = n.carried.Revision, n.lastReport
		}
		return verdictPending, st
	}
	worst, count := verdictDone, 0
	weigh := func(k routes.Key, e *exception) {
		v := e.verdict()
		if v == verdictDone {
			return
		}
		count++
		if v > worst {
			worst = v
			st = routes.NodeStatus{Node: n.name, State: e.state, Cause: e.cause, Condition: e.condition, Detail: n.m.describe(k, e), Revision: n.carried.Revision, Time: e.time}
		}
	}
	n.weighAll(interest, weigh)
	if count > 1 {
		st.Detail += fmt.Sprintf(" (and %d more routes)", count-1)
	}
	return worst, st
}

// weighAll calls weigh for the exceptions of interest. Needs mu.
func (n *node) weighAll(interest map[routes.Key]struct{}, weigh func(routes.Key, *exception)) {
	if len(interest) > 0 && len(interest) < len(n.exceptions) {
		for k := range interest {
			if e, ok := n.exceptions[k]; ok {
				weigh(k, e)
			}
		}
		return
	}
	for k, e := range n.exceptions {
		if _, ok := interest[k]; ok || len(interest) == 0 {
			weigh(k, e)
		}
	}
}

func (e *exception) verdict() verdict {
	switch {
	case e.state == routes.Programmed:
		return verdictDone
	case e.state == routes.Failed:
		return verdictFailed
	case e.cause == routes.InProgress:
		return verdictPending
	case e.cause == routes.NoNodeNIC:
		return verdictBlocked
	}
	return verdictHeld
}

// describe names a route with the device's spelling of its port, and says what is the matter.
func (m *Manager) describe(k routes.Key, e *exception) string {
	if port, ok := m.opts.Inventory.Current().Port(k.Interface); ok {
		k.Interface = port.Alias
	}
	if e.detail == "" {
		return k.String()
	}
	return k.String() + ": " + e.detail
}
