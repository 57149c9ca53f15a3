package table

import (
	"iter"
	"log/slog"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// Want is a desired route, with the MAC of the NIC that the node has on the
// route's port, in lower case with colons.
type Want struct {
	Route routes.Route
	MAC   string
}

// Set is a complete desired set. It is authoritative: what it lacks is deleted.
type Set struct {
	// Generation is the caller's number for this request; see Report. It grows.
	Generation uint64
	// Len is about how many routes there are.
	Len int
	// Routes is consumed by SetDesired before it returns. In the order of their
	// destinations they cost least.
	Routes iter.Seq[Want]
}

// Delta changes the desired set: first Removals, then Upserts.
type Delta struct {
	Generation uint64
	Upserts    []Want
	Removals   []routes.Key
}

// Options are a Table's settings; zero values take the defaults.
type Options struct {
	// ResyncInterval is the period of the full comparison, with 10 % jitter. 90 s.
	// It is up to four times that where a comparison takes more than 1/2000 of it.
	ResyncInterval time.Duration
	// OverrideOnLink lets routes take over traffic to a connected network of
	// their NIC. SetPolicy changes it.
	OverrideOnLink bool
	// Former are the protocol numbers that our routes may carry from before. A
	// kernel route with one of them that is a desired route, exactly, is ours and
	// rewritten. They count until a whole set is carried out and none is left.
	Former []uint8
	// FightRepairs is the number of repairs of one route within FightWindow
	// from which on repairs slow down and an alarm is raised. 10 in 10 s.
	FightRepairs int
	FightWindow  time.Duration
	// Log takes what has no place in a Report. Default: nothing.
	Log *slog.Logger
}

// Exception is the status of a route that is not plainly PROGRAMMED. In
// Report.Changed, one with State PROGRAMMED and no Condition ends an earlier one.
type Exception struct {
	Key       routes.Key
	State     routes.State
	Cause     routes.Cause
	Condition routes.Condition
	Detail    string
	// Withdrawn says that the route was in the kernel and had to leave it.
	Withdrawn bool
}

// Plain says that there is nothing to say about the route.
func (e Exception) Plain() bool { return e.State == routes.Programmed && e.Condition == "" }

// Counters count since New.
type Counters struct {
	Writes   uint64 // changes sent to the kernel
	Failures uint64 // changes that the kernel refused
	Repairs  uint64 // routes put back after others took them away
	Resyncs  uint64 // complete comparisons
	Overruns uint64 // notifications lost; each led to a resync
	Foreign  uint64 // deletions of unwanted routes that carried our protocol
}

// NIC is what the node has for a port's MAC.
type NIC struct {
	Interface  string // the port's alias, as the routes spell it
	MAC        string
	Link       int32 // interface index; 0 where Cause is set
	Name       string
	Up, Lower  bool // administratively up; carrier
	MTU        int  // 0 where it is not known
	NoIPv6     bool // IPv6 is switched off on it, or its MTU is too small for IPv6
	Addressing routes.Addressing
	Addresses  []netip.Prefix
	Connected  []routes.ConnectedRoute
	// Cause is NO_NODE_NIC or NIC_AMBIGUOUS where no single link has the MAC.
	Cause routes.Cause

	unclear []int32 // with NIC_AMBIGUOUS: the links that may be it
}

// Withdrawal says that routes which were programmed have left the kernel,
// although they are desired.
type Withdrawal struct {
	Interface string
	Routes    int
	Why       string
}

// Alarm says that another manager keeps removing or replacing a route.
type Alarm struct {
	Key     routes.Key
	Losses  int       // within the window
	Since   time.Time // first loss
	Retry   time.Time // next repair
	Message string    // names the other, as far as the kernel shows it
}

// Report is what changed since the report before.
type Report struct {
	// Generation is the latest request that has been carried out and read back;
	// the routes for which that was not possible are exceptions. 0: none yet.
	Generation uint64
	// Routes is the number of desired routes, Programmed of those in the kernel.
	Routes, Programmed int
	Changed            []Exception
	Counters           Counters
	NICs               []NIC
	// Links are all links of the node as they were read last, those that no route
	// uses a little later; nil before the first reading, empty where that failed.
	Links     []kernel.Link
	Alarms    []Alarm
	Withdrawn []Withdrawal // by port
	// Migrating: the kernel may still have routes of ours under a former number.
	Migrating bool
}

const (
	defaultResync      = 90 * time.Second
	defaultFights      = 10
	defaultFightWindow = 10 * time.Second

	// chunk is the number of changes between two looks at events.
	chunk = 4096
	// matchLimit is the number of routes that are looked up one by one; more
	// are read with a dump.
	matchLimit = 64

	minRetry = time.Second
	maxRetry = time.Minute
)

func (o Options) withDefaults() Options {
	if o.ResyncInterval <= 0 {
		o.ResyncInterval = defaultResync
	}
	if o.FightRepairs <= 0 {
		o.FightRepairs = defaultFights
	}
	if o.FightWindow <= 0 {
		o.FightWindow = defaultFightWindow
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
