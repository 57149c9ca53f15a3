package rtnl

import (
	"fmt"
	"syscall"

	"github.com/hcsroute/hcsroute/routes"
)

// Kind is what an Op does.
type Kind uint8

// The kinds of operations.
const (
	Add    Kind = iota + 1 // NLM_F_CREATE|NLM_F_EXCL: EEXIST where the kernel key is taken
	Append                 // NLM_F_CREATE|NLM_F_APPEND: a second next hop under one kernel key
	Delete                 // exactly this entry, of our protocol
)

// String is the operation's name as errors show it.
func (k Kind) String() string {
	switch k {
	case Add:
		return "add"
	case Append:
		return "append"
	case Delete:
		return "delete"
	}
	return "unknown operation"
}

// Op is one change of table main.
type Op struct {
	Kind  Kind
	Entry routes.FIBEntry
	// Object, where set, is what a Delete names instead of Entry: the route as
	// the kernel described it; see Route.Object.
	Object string
	// Protocol is that of the route to Delete; 0 is our own.
	Protocol uint8
}

// State is the outcome of an Op.
type State uint8

// The outcomes. Unknown is the zero value: nothing is taken for done.
const (
	Unknown State = iota // the answer was lost: read the kernel back
	Done                 // acknowledged
	Failed               // refused; Result.Err says why
)

// Result is the outcome of one Op.
type Result struct {
	State State
	// ReadBack says that the kernel itself has described this very entry as
	// added or removed, after the change (NLM_F_ECHO).
	ReadBack bool
	// Flags are those of the route as it was read back.
	Flags Flags
	// Err is an *OpError where State is Failed.
	Err error
}

// OpError is the kernel's refusal of an Op.
type OpError struct {
	Op Op
	// Errno has Linux' numbers on every system.
	Errno syscall.Errno
	// Message is the kernel's own text (NLMSGERR_ATTR_MSG); often empty.
	Message string
}

// Error names the operation, the route and the kernel's words.
func (e *OpError) Error() string {
	r := e.Op.Entry
	s := fmt.Sprintf("%s %s via %s dev %d metric %d: %v", e.Op.Kind, r.Destination, r.NextHop, r.Link, r.Metric, e.Errno)
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	return s
}

// Unwrap gives the errno, so that errors.Is works with it.
func (e *OpError) Unwrap() error { return e.Errno }

// Stats counts a socket's system calls and the messages they carried.
type Stats struct {
	Sends, Receives, Requests uint64
}

// EventKind is what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	RouteAdded EventKind = iota + 1
	RouteDeleted
	LinkChanged
	AddressChanged
	NextHopChanged
	RuleChanged   // of the policy rules
	OtherTable    // a route of another table than main came or went
	ConfigChanged // a setting of a link's
	Overrun       // notifications were lost; everything must be read again
)

// Event is one change in the kernel. RouteAdded and RouteDeleted are of table
// main only, one for each next hop.
type Event struct {
	Kind EventKind
	// Port is the netlink port of the writer; 0 is the kernel itself. Often the
	// writer's process id.
	Port uint32
	// Replaced says that an added route took the place of another (NLM_F_REPLACE).
	Replaced bool
	Route    Route
	// Link is the interface index of link and address events.
	Link int32
	// MAC is that of a link event's interface.
	MAC string
}
