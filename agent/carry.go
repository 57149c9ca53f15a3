package agent

import (
	"reflect"
	"strconv"
	"time"
	"unique"

	"github.com/hcsroute/hcsroute/agent/table"
	"github.com/hcsroute/hcsroute/routes"
)

// carrying is what the kernel holds, as far as it is known.
type carrying struct {
	generation uint64           // of the newest request to the table
	programmed uint64           // of the newest that the table has carried out
	pending    []pendingVersion // not yet carried out, oldest first
	// carried is the newest version that is in the kernel and on the disk.
	carried    routes.Version
	carriedGen uint64
	migrating  bool // as the table last reported
	noted      bool // that it is over
	exceptions map[routes.Key]exception
	counters   table.Counters
	alarms     []table.Alarm
	withdrawn  []table.Withdrawal
	facts      []table.NIC // as the table last reported
	read       time.Time   // when the table last reported
}

// pendingVersion ties a request to the table to the version that it leads to.
type pendingVersion struct {
	generation uint64
	version    routes.Version
}

// exception is a table.Exception without its key; equal ones share memory, as
// a link that is down makes one of every route.
type exception struct {
	unique.Handle[table.Exception]
	since int64 // Unix time in nanoseconds
}

func newCarrying() carrying { return carrying{exceptions: make(map[routes.Key]exception)} }

// beginGeneration begins a generation that leads to the state's version.
func (a *Agent) beginGeneration() {
	a.generation++
	a.pending = append(a.pending, pendingVersion{a.generation, a.state.Version})
}

// advance finds the newest version that is both in the kernel and on the disk.
func (a *Agent) advance() {
	reached := min(a.programmed, a.saved)
	n := 0
	for n < len(a.pending) && a.pending[n].generation <= reached {
		n++
	}
	if n == 0 {
		return
	}
	if a.carriedGen == 0 && a.pending[0].generation == 1 {
		select {
		case <-a.ready:
		default:
			close(a.ready)
		}
	}
	a.carried, a.carriedGen = a.pending[n-1].version, a.pending[n-1].generation
	a.pending = a.pending[n:]
	a.migrated()
	if a.current != nil {
		a.current.dirty = true
	}
}

// takeReport takes over what the table says of the kernel.
func (a *Agent) takeReport(r table.Report) {
	now := time.Now()
	a.read, a.counters, a.alarms, a.withdrawn = now, r.Counters, r.Alarms, r.Withdrawn
	for _, e := range r.Changed {
		key := e.Key
		if e.Plain() {
			delete(a.exceptions, key)
		} else {
			e.Key = routes.Key{}
			a.exceptions[key] = exception{unique.Make(e), now.UnixNano()}
		}
		if a.current != nil && !a.current.full {
			a.current.changed[key] = struct{}{}
		}
	}
	a.programmed, a.migrating = max(a.programmed, r.Generation), r.Migrating
	a.advance()
	a.migrated()
	a.touch()
	if !reflect.DeepEqual(r.NICs, a.facts) || !reflect.DeepEqual(r.Links, a.links) {
		a.facts, a.links = r.NICs, r.Links
		a.nicsChanged()
	}
}

// touch makes the session send a report.
func (a *Agent) touch() {
	if a.current != nil {
		a.current.dirty = true
	}
}

func revision(v routes.Version) string { return strconv.FormatUint(uint64(v.Revision), 10) }
