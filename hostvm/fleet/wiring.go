package fleet

import "github.com/hcsroute/hcsroute/routes"

// wiring numbers the changes of a node's NICs on the ports' switches. What a
// report says of a port is old until it answers the port's last change.
type wiring struct {
	sequence uint64            // of the last change; 0: none yet
	since    map[string]uint64 // by folded alias: the port's last change
}

// note takes over that the NICs were before and are after, by folded alias.
func (w *wiring) note(before, after map[string]string) {
	if w.since == nil {
		w.since = map[string]uint64{}
	}
	next := w.sequence + 1
	for _, macs := range []map[string]string{before, after} {
		for alias := range macs {
			was, known := before[alias]
			if is, still := after[alias]; was != is || known != still {
				w.since[alias], w.sequence = next, next
			}
		}
	}
}

// rewired reports whether the agent has yet to answer a change of the port.
func (l *ledger) rewired(folded string) bool { return l.wiring.since[folded] > l.answered }

// anyRewired reports whether that is so of a port of interest; of any port where
// there are no keys.
func (l *ledger) anyRewired(interest map[routes.Key]struct{}) bool {
	if l.answered >= l.wiring.sequence {
		return false
	}
	for k := range interest {
		if l.rewired(k.Interface) {
			return true
		}
	}
	return len(interest) == 0
}
