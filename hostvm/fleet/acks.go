package fleet

import (
	"sort"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// ackLog records when each revision was first reported carried out, in little
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
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].revision >= rev })
	if i == len(l.entries) {
		return time.Time{}
	}
	return l.entries[i].time
}
