package fleet

import (
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// delta is the way from one version to a later one of the same epoch.
type delta struct {
	from, to routes.Version
	keys     []routes.Key
	msg      *pb.Delta
}

// deltaFrom makes the delta from revision after to the newest event. ok is
// false when there is none: events not kept any more, another epoch, too many
// changes. d.from is what the set was at that revision, worked out backwards,
// so that the caller can say whether an agent's set is the same.
func (m *Manager) deltaFrom(after routes.Version) (d *delta, ok bool) {
	events, ok := m.opts.Store.Since(store.Beyond(after.Revision))
	if !ok || len(events) == 0 || changesOf(events) > maxDelta {
		return nil, false
	}
	to := events[len(events)-1].Version
	if to.StoreID != after.StoreID || to.Epoch != after.Epoch {
		return nil, false
	}
	d = &delta{from: undo(events, to, after.Revision), to: to, msg: &pb.Delta{FromRevision: uint64(after.Revision), Version: agentapi.Authentic(to, m.opts.Store.Authenticator(to))}}
	states := lastStates(events)
	d.keys = make([]routes.Key, 0, len(states))
	for _, state := range states {
		d.keys = append(d.keys, state.key)
		if state.removed {
			d.msg.Removals = append(d.msg.Removals, m.ports.encode(state.route))
		} else {
			d.msg.Upserts = append(d.msg.Upserts, m.ports.encode(state.route))
		}
	}
	return d, true
}

// keyState is what a key ends as; of a removed route only the key counts.
type keyState struct {
	key     routes.Key
	route   routes.Route
	removed bool
}

// lastStates are the keys that changed, each once, in the order of their first
// change: the agent's tables keep it, and the store's is a good one.
func lastStates(events []store.Event) []keyState {
	n := changesOf(events)
	ends, at := make([]keyState, 0, n), make(map[routes.Key]int32, n)
	end := func(r routes.Route, removed bool) {
		s := keyState{key: r.Key(), route: r, removed: removed}
		if i, known := at[s.key]; known {
			ends[i] = s
			return
		}
		at[s.key] = int32(len(ends))
		ends = append(ends, s)
	}
	for _, e := range events {
		for _, c := range e.Changes {
			if r, ok := live(c.Before); ok {
				end(r, true)
			}
			if r, ok := live(c.After); ok {
				end(r, false)
			}
		}
	}
	return ends
}

// undo works out the version before the events from the one after them.
func undo(events []store.Event, v routes.Version, before routes.Revision) routes.Version {
	for i := len(events) - 1; i >= 0; i-- {
		for _, c := range events[i].Changes {
			if r, ok := live(c.After); ok {
				v.Digest, v.Count = v.Digest.Remove(r), v.Count-1
			}
			if r, ok := live(c.Before); ok {
				v.Digest, v.Count = v.Digest.Add(r), v.Count+1
			}
		}
	}
	v.Revision = before
	return v
}

func live(rec *routes.Record) (routes.Route, bool) {
	if rec == nil || rec.Removed {
		return routes.Route{}, false
	}
	return rec.Route, true
}
