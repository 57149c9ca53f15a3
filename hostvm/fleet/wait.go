package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

// verdict is how far a node is with what somebody waits for.
type verdict int

const (
	verdictDone    verdict = iota
	verdictCannot          // it cannot be yet: the node is declared stopped, or has no NIC on the port's switch
	verdictHeld            // carried out, but a route waits; that may pass
	verdictBlocked         // carried out, but a route waits for a NIC that should be there and is not
	verdictPending         // not carried out yet
	verdictFailed          // carried out, and a route failed
)

// Wait implements Fleet. Every node that the inventory lists must answer,
// except one that is declared stopped: that no session comes about does not prove
// that a node is off. A route that FAILED ends the wait once all nodes have
// answered, or after Timing.Grace: the others are not late yet. A route that
// WAITS although its revision was carried out (KEY_HELD, LINK_DOWN) may make
// good within Timing.Grace after all nodes have answered; then the wait ends
// too, because only an event outside of this service can end that state. One
// that waits for a NIC that the node does not show gets no grace.
func (m *Manager) Wait(ctx context.Context, a Awaited) Waited {
	in := m.interest(a)
	var grace <-chan time.Time
	for {
		answered := m.answered.wait()
		worst, pending, waited := m.judgeAll(in)
		switch {
		case worst <= verdictCannot:
			waited.Reached = true
			return waited
		case worst == verdictFailed && !pending, worst == verdictBlocked:
			return waited
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
			return waited
		case <-grace:
			return waited
		case <-answered:
		}
	}
}

// interest is what is awaited, by key.
type interest struct {
	revision routes.Revision
	keys     map[routes.Key]struct{} // nil: all that is stored
	wanted   []routes.Key
	gone     bool // removals are among them
	any      bool // a route is to be in the kernels
}

func (m *Manager) interest(a Awaited) interest {
	in := interest{revision: a.Revision, wanted: a.Keys, gone: len(a.Gone) > 0, any: len(a.Keys) > 0}
	if !in.any && !in.gone {
		info := m.opts.Store.Info()
		in.any, in.gone = info.Version.Count > 0, info.Removing > 0
		return in
	}
	in.keys = make(map[routes.Key]struct{}, len(a.Keys)+len(a.Gone))
	for _, keys := range [][]routes.Key{a.Keys, a.Gone} {
		for _, k := range keys {
			in.keys[k] = struct{}{}
		}
	}
	return in
}

// judgeAll returns where the wait stands, with the status of each node that is
// late or that nobody waits for.
func (m *Manager) judgeAll(in interest) (worst verdict, pending bool, waited Waited) {
	nodes, snap := 0, m.opts.Inventory.Current()
	for _, n := range m.all() {
		v, st, counts := n.judge(in, snap)
		if !counts {
			continue
		}
		nodes++
		worst, pending = max(worst, v), pending || v == verdictPending
		switch {
		case v > verdictCannot:
			waited.Late = append(waited.Late, st)
		case v == verdictCannot:
			waited.Waiting = append(waited.Waiting, st)
		}
	}
	if nodes == 0 && in.any {
		waited.Waiting = append(waited.Waiting, routes.Worst(nil))
	}
	return worst, pending, waited
}

func (n *node) judge(in interest, snap *hostvm.Snapshot) (v verdict, st routes.NodeStatus, counts bool) {
	l := n.lock()
	defer n.unlock()
	return l.judge(in, snap)
}

// judge is a node's verdict, with the status that is the reason. A node that is not
// listed any more does not count: what it may still have shows as REMOVING.
func (l *ledger) judge(in interest, snap *hostvm.Snapshot) (v verdict, st routes.NodeStatus, counts bool) {
	st = routes.NodeStatus{Node: l.name, State: routes.Waiting, Cause: routes.InProgress}
	if !in.any {
		st.State = routes.Removing
	}
	switch {
	case !l.listed && l.live == nil:
		return verdictDone, st, false
	case l.live == nil && !in.any && (!in.gone || !l.known):
		return verdictDone, st, true // it never had what is to be gone
	case l.listed && l.inv.State == hostvm.NodeStopped:
		st.Cause = routes.NodeStopped
		return verdictCannot, st, true
	case l.unwired(in):
		st.Cause, st.Detail = routes.NoNodeNIC, "the node has no NIC on the port's switch"
		return verdictCannot, st, true
	case l.live == nil:
		st.Cause, st.Detail = routes.AgentUnreachable, l.noSession()
		return verdictPending, st, true
	case l.stale:
		st.Cause, st.Detail = routes.Stale, l.silence()
		return verdictPending, st, true
	case !l.carriedOut(in.revision), l.anyRewired(in.keys):
		st.Cause, st.Detail = l.awaited(in.revision)
		if l.reported {
			st.Revision, st.Time = l.carried.Revision, l.lastReport
		}
		return verdictPending, st, true
	}
	v, st = l.weighAll(in.keys, snap)
	return v, st, true
}

// unwired reports whether all that is awaited waits for NICs that the node does
// not have: whatever its agent says or does not say, it cannot be yet.
func (l *ledger) unwired(in interest) bool {
	if len(in.wanted) == 0 || in.gone && l.known {
		return false
	}
	return !slices.ContainsFunc(in.wanted, func(k routes.Key) bool { return !l.withoutNIC(k) })
}

// noSession says why there is none.
func (l *ledger) noSession() string {
	if l.listed && l.inv.Endpoint == "" {
		return "the inventory has no endpoint of its agent"
	}
	return l.problem
}

// weighAll finds the worst of the exceptions of interest.
func (l *ledger) weighAll(keys map[routes.Key]struct{}, snap *hostvm.Snapshot) (worst verdict, st routes.NodeStatus) {
	count := 0
	weigh := func(k routes.Key, e *exception) {
		v := l.weigh(k, e)
		if v == verdictDone {
			return
		}
		count++
		if v > worst {
			worst = v
			st = routes.NodeStatus{Node: l.name, State: e.state, Cause: e.cause, Condition: e.condition, Detail: describe(k, e, snap), Revision: l.carried.Revision, Time: e.time}
		}
	}
	if len(keys) > 0 && len(keys) < len(l.exceptions) {
		for k := range keys {
			if e, ok := l.exceptions[k]; ok {
				weigh(k, e)
			}
		}
	} else {
		for k, e := range l.exceptions {
			if _, ok := keys[k]; ok || len(keys) == 0 {
				weigh(k, e)
			}
		}
	}
	if count > 1 {
		st.Detail += fmt.Sprintf(" (and %d more)", count-1)
	}
	return worst, st
}

// weigh is what an exception means to somebody who waits.
func (l *ledger) weigh(k routes.Key, e *exception) verdict {
	switch {
	case e.state == routes.Programmed:
		return verdictDone
	case e.state == routes.Failed:
		return verdictFailed
	case e.cause == routes.InProgress:
		return verdictPending
	case e.cause == routes.NoNodeNIC && l.macs != nil && l.macs[k.Interface] == "":
		return verdictCannot
	case e.cause == routes.NoNodeNIC:
		return verdictBlocked
	}
	return verdictHeld
}

// describe names a route with the device's spelling of its port, and says what is the matter.
func describe(k routes.Key, e *exception, snap *hostvm.Snapshot) string {
	if port, ok := snap.Port(k.Interface); ok {
		k.Interface = port.Alias
	}
	if e.detail == "" {
		return k.String()
	}
	return k.String() + ": " + e.detail
}
