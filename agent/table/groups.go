package table

import (
	"context"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// door is what other goroutines reach of a Table, and the way to the kernel.
type door struct {
	kernel kernel.Kernel
	opts   Options

	wakeup chan struct{} // there is something in inbox
	outbox chan struct{} // there is something in out
	mu     sync.Mutex    // guards inbox and out
	inbox  []request
	out    pending
	ready  chan struct{} // always ready
}

// goal is what is wanted, beside the routes in model.
type goal struct {
	authoritative bool // a complete set was given
	override      bool
	target        uint64  // generation of the latest request taken
	former        []uint8 // see Options.Former; nil once none is left
	// left and fresh are the routes that the request under way takes out and adds.
	left  []parted
	fresh []int32
}

// work is what is to be done next, without a time.
type work struct {
	urgent, due []int32
	arranged    bool // due, except for what was queued since
	// blocked are slots whose key is held by a route that is yet to be named;
	// unchecked those about to be appended to a key of ours, unclear those of
	// them that only a survey can decide.
	blocked, unchecked, unclear []int32
	doubts                      []kernel.Route // IPv6 next hops whose writer is not known
	// deletable: extras may be there that have not been tried.
	deletable bool
	// unproven: the kernel has acknowledged deletions without describing what went;
	// for IPv6, a device route's may have taken a route with a gateway instead.
	unproven bool
	// readdressed: addresses or connected networks of a NIC of ours may have
	// changed since the links were read, and changed back. hopsDue: the next hops
	// are to be checked.
	readdressed, hopsDue bool
}

// belief is what the kernel is believed to hold beside our routes, and where the
// news of it comes from.
type belief struct {
	known       bool // the kernel was read since the start
	linksKnown  bool
	links       []kernel.Link // nil before they were read first
	rules       ruleset
	foreign     map[dstKey][]kernel.Route
	others      map[entry]struct{}    // IPv6 next hops that a deletion has shown not to be ours
	refusedHops map[nextHop]Exception // next hops that the kernel would not take when it was asked

	events  <-chan kernel.Event // nil while nothing is watched
	unwatch context.CancelFunc
	missed  bool // notifications were lost since everything was read
}

// trouble is what does not go as it should.
type trouble struct {
	excs     map[int32]Exception
	absent   int // desired routes that are not in the kernel
	retries  map[int32]retry
	fights   map[int32]fight
	losses   losses
	removing map[object]removal
	standIns map[int32]standIn
}

func newTrouble() trouble {
	return trouble{
		excs: make(map[int32]Exception), retries: make(map[int32]retry), fights: make(map[int32]fight),
		removing: make(map[object]removal), standIns: make(map[int32]standIn),
	}
}

// clock has the times at which work is due; zero for none.
type clock struct {
	watchAt, linksAt, othersAt, rulesAt time.Time
	surveyAt, resyncAt, periodicAt      time.Time
	judgeAt, retryAt                    time.Time
	watchWait                           time.Duration // before the next attempt to watch
}

// paces are those of complete comparisons, of readings of the links, and of judging
// again the routes that rules concern, which is what their look-ups take.
type paces struct {
	reads, linkReads, judging pace
}

func newPaces() paces {
	return paces{reads: pace{most: maxPace}, linkReads: pace{most: maxPace, ahead: maxPace}, judging: pace{least: maxPace}}
}

// reported is what a Report has beside the changes.
type reported struct {
	dirty    bool   // there is something to report
	applied  uint64 // generation carried out
	nics     []NIC
	counters Counters
}

// scratch is one batch of changes: ops, the slots that they are for (-1: none), and
// their results.
type scratch struct {
	ops     []kernel.Op
	which   []int32
	results []kernel.Result
}
