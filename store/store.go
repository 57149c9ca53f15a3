// Package store defines how routes are kept: durable, ordered by revision,
// audited. boltstore is the embedded backend; storetest is the suite that
// every backend passes.
package store

import (
	"cmp"
	"context"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// Store keeps routes. All methods are safe for concurrent use. Errors are
// *routes.Error where the caller can act on them; after STORE_FAILED the store
// takes no more writes in this process.
type Store interface {
	// Info returns identity, revision, digest and health, without I/O.
	Info() Info
	// Apply carries out a request in one durable transaction: routes, request
	// id and audit record. A refused item is in Result.Items, not in the error.
	Apply(ctx context.Context, req Request) (Result, error)
	// Get reads one record, also a tombstone; NOT_FOUND where there is none.
	Get(ctx context.Context, key routes.Key) (routes.Record, error)
	// List reads records in the order of routes.Key.Compare; more says that
	// the limit cut it. It reads nothing that it does not return, except for
	// filters on next hop and metric.
	List(ctx context.Context, q Query) (records []routes.Record, more bool, err error)
	// Snapshot calls yield for each live route, in order, in one consistent
	// read, and returns the version that those routes make. Tombstones are
	// passed to yield too, with Removed set, when tombstones is true.
	Snapshot(ctx context.Context, tombstones bool, yield func(routes.Record) error) (routes.Version, error)
	// Changed returns a channel that is closed with the next event. Take it before
	// you read, so that nothing is missed. Close leaves it open.
	Changed() <-chan struct{}
	// Since returns the events after a position, oldest first. ok is false when
	// some are no longer kept: take a Snapshot. A store that was just opened keeps
	// none.
	Since(after Position) (events []Event, ok bool)

	// KnownNodes lists the nodes that had a session and were not forgotten.
	KnownNodes(ctx context.Context) ([]KnownNode, error)
	// Know makes a node known; removals from now on wait for its proof.
	Know(ctx context.Context, node KnownNode) error
	// Forget forgets a node (audited by who); its proofs are not waited for any
	// more. NOT_FOUND where it is not known.
	Forget(ctx context.Context, id string, who Caller) error
	// Prove says that a node has shown removed routes gone: all tombstones up
	// to a revision, except for the keys in except.
	Prove(ctx context.Context, node string, upTo routes.Revision, except map[routes.Key]struct{}) error
	// RaiseEpoch makes the epoch later than past (audited). It takes a revision of
	// its own, so that every session learns the epoch by an event without changes.
	// It never wraps: at the last epoch it fails.
	RaiseEpoch(ctx context.Context, past uint64, who Caller) error

	// Authenticator is what proves later that this store issued v, a version
	// that it has now. A node keeps it with the version. No I/O.
	Authenticator(v routes.Version) []byte
	// Judge says what a version that a node shows is to this store. Where it is
	// Lost, that is noted (audited) in the same step, so that what Accept has
	// ended is not noted again. With an error the standing holds, and the note
	// is missing. No I/O but to note it.
	Judge(ctx context.Context, node string, v routes.Version, authenticator []byte) (Standing, error)
	// Losses are those noted, until Accept, EndLoss, Forget or a restore. No I/O.
	Losses() []Loss
	// EndLoss drops a loss that is noted (audited), for its node holds what this
	// store has. Where it is not noted, nothing happens.
	EndLoss(ctx context.Context, loss Loss) error
	// Accept accepts the losses that are noted, and those that are yet to be
	// found (audited): the epoch becomes later than theirs, and what was lost is
	// Superseded from now on. REVISION_MISMATCH, and nothing is accepted, where
	// one is noted that is not among those seen.
	Accept(ctx context.Context, who Caller, seen []Loss) error

	// Has returns for each key whether the store has it, as a route or as a tombstone.
	Has(ctx context.Context, keys []routes.Key) ([]bool, error)

	// Note appends an audit record of its own, such as a refused caller or an adopted node.
	Note(ctx context.Context, who Caller, action, note string) error
	// Audit reads audit records, newest first.
	Audit(ctx context.Context, q AuditQuery) (records []AuditRecord, more bool, err error)
	// VerifyAudit checks the hash chain.
	VerifyAudit(ctx context.Context) (AuditProof, error)

	// Backup writes a consistent copy while the store is in use. However slow w is, it
	// holds up no write; UNAVAILABLE where too many are under way, DISK_FULL
	// where that takes room that there is not.
	Backup(ctx context.Context, w io.Writer) (Info, error)
	// Check verifies everything there is to verify.
	Check(ctx context.Context) (CheckReport, error)
	// Compact rewrites the store without free space and returns the sizes in bytes.
	Compact(ctx context.Context) (before, after int64, err error)
	// Close ends all use. It waits for the transaction under way.
	Close() error
}

// Info is what a store is and how it does.
type Info struct {
	Version  routes.Version // id, epoch, revision, count and digest of the live routes
	Removing uint64         // tombstones
	Proofs   uint64         // as in Position, with one for all of the processes before
	Path     string
	Bytes    int64
	// Opened says what was wrong with the file when this process opened it,
	// though it could be read; empty for nothing.
	Opened string
	// ArchiveProblem says why the audit records that are due cannot leave for
	// the archive; empty: the last did, or none has been due.
	ArchiveProblem string
	// Err says why writes are refused: DISK_FULL or STORE_FAILED; nil when they are not.
	Err *routes.Error
}

// Position is where the newest event is.
func (i Info) Position() Position { return Position{i.Version.Revision, i.Proofs} }

// Loss is a version that a node holds, and that this store issued and lacks.
type Loss struct {
	Node    string // id
	Version routes.Version
	Time    time.Time // when it was found
}

// Standing is what a version that a node shows is to a store.
type Standing uint8

// The standings.
const (
	// Unproven: nothing shows that the store has ever issued it.
	Unproven Standing = iota
	// Issued: the store issued it, and has it or what followed.
	Issued
	// Superseded: the store issued it before a restore or an accepted loss, and
	// may lack it: an operator has said so.
	Superseded
	// Lost: the store issued it, and has lost it since. Nobody has said so.
	Lost
)

// Caller is who asks for a change.
type Caller struct {
	Actor string // as the service identified it
	// Certificate is the serial and the fingerprint of the caller's certificate,
	// where it has one: two certificates may have one name.
	Certificate string
	OnBehalfOf  string // as the caller claims
	Origin      string // listener and peer
}

// Request is one call's changes.
type Request struct {
	Caller Caller
	// Owner: the caller administers the device that the store is on:
	// what it has to change is not refused for the records of its changes, unless
	// these are a multiple of what the audit keeps.
	Owner  bool
	Action string // for the audit: add, set, remove, batch-add, ...
	// Items are decided in order, but METRIC_CONFLICT by how all items of a
	// destination end: routes can swap their metrics. Where they end in a
	// conflict, each is decided by what those before it have left.
	Items []Item
	// Atomic refuses all when one is refused.
	Atomic bool
	// ExpectedRevision must be the store's, unless 0 (REVISION_MISMATCH).
	ExpectedRevision routes.Revision
	// ValidateOnly decides everything and changes nothing.
	ValidateOnly bool
	// RequestID makes a retry safe for 24 hours; empty for none. The same id
	// with another Fingerprint is REQUEST_ID_REUSED.
	RequestID   string
	Fingerprint [32]byte
	// Answer encodes what a replay returns. Called once, inside the transaction.
	Answer func(Result) []byte
}

// Op is what an item does.
type Op uint8

// The operations.
const (
	OpAdd Op = iota + 1
	OpSet
	OpRemove
)

// Item is one change.
type Item struct {
	Op Op
	// Refused is set where the caller has refused the item already; it keeps its place.
	Refused *routes.Error
	// Route and Force are for OpAdd.
	Route routes.Route
	Force bool
	// Selector is for OpSet and OpRemove.
	Selector routes.Selector
	Change   routes.Change  // for OpSet
	Removal  routes.Removal // for OpRemove
	// Check, where set, is called with the route that OpAdd or OpSet would make,
	// before it is made; not for what is so already.
	Check func(routes.Route) *routes.Error
}

// Result is what a request did.
type Result struct {
	// Items are in the request's order. Where Committed is false they say what
	// would have been done.
	Items []ItemResult
	// Committed says that the accepted items hold. It is false for
	// ValidateOnly, for an atomic request with a refused item, and where every
	// item was refused; the request id is then not kept.
	Committed bool
	// Revision is the store's after the request; that of the request's own
	// changes where it made any.
	Revision routes.Revision
	// Replayed is set when the request id was known; Replay is what Answer
	// returned the first time, and Items is empty.
	Replayed bool
	Replay   []byte
}

// ItemResult is what an item did.
type ItemResult struct {
	Outcome routes.Outcome
	// Before are the records that left or changed, After those that are there now:
	// for UNCHANGED the stored one, for REMOVED the tombstone where one is left.
	Before []routes.Record
	After  []routes.Record
	Err    *routes.Error
}

// Position is a place in the order of events: a change takes the next revision,
// and proofs are counted from there.
type Position struct {
	Revision routes.Revision
	Proofs   uint64 // stored at Revision
}

// Beyond is the position after a revision and all proofs that were stored at it.
func Beyond(r routes.Revision) Position { return Position{r, math.MaxUint64} }

// Compare orders positions as their events came.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Revision, o.Revision), cmp.Compare(p.Proofs, o.Proofs))
}

// Event is one committed request, or a proof: tombstones that vanished because
// every known node has shown the routes gone. A proof takes no revision, since
// the set of routes stays as it is: its Version is that of the event before.
type Event struct {
	Version routes.Version // after it
	Proofs  uint64         // as in Position; 0: the event is no proof
	Time    time.Time
	// Changes name each key at most once. They are shared: nobody may write to them.
	Changes []Change
}

// Position is the event's own place.
func (e Event) Position() Position { return Position{e.Version.Revision, e.Proofs} }

// Change is one record's change. Before is nil, or a tombstone, for a new
// route; After is nil, or a tombstone, for a removed one. A proof has a
// tombstone before and nil after.
type Change struct {
	Before *routes.Record
	After  *routes.Record
}

// KnownNode is a node that had a session.
type KnownNode struct {
	ID    string
	Name  string
	Since time.Time
}

// The actions of audit records that are of no change of a caller's.
const (
	// NoChange counts calls that changed nothing.
	NoChange = "no-change"
	// RefusedCaller is a call for which the caller has no role.
	RefusedCaller = "refused-caller"
	// AuditTrim is the audit's own: records have left.
	AuditTrim = "audit-trim"
)

// AuditRecord is one change in the hash chain.
type AuditRecord struct {
	Sequence    uint64
	Time        time.Time
	Caller      Caller
	Action      string
	Revision    routes.Revision
	Before      []string // all routes that left or changed
	After       []string // all routes that are new or as they are now
	Items       uint64
	Refused     uint64   // of the items
	ItemsDigest [32]byte // over all items of a batch
	RequestID   string
	Note        string
	Hash        [32]byte // of this record and the one before
	// Damaged says why the record is not what was written; what can still be
	// read of it is there.
	Damaged string
}

// AuditQuery selects audit records. Zero fields take all. A damaged record is
// always among them: nobody knows what it was.
type AuditQuery struct {
	Since, Until time.Time
	Destination  netip.Prefix
	Actor        string
	Before       uint64 // sequence: only older ones; 0 starts with the newest
	Limit        int
	// Routes ends an answer early, after the record that makes it so many routes.
	Routes int
}

// AuditProof is the result of checking the chain.
type AuditProof struct {
	Records uint64
	First   uint64 // sequence of the oldest record kept
	Head    [32]byte
	Problem string // empty: the chain is whole
}

// CheckReport is the result of checking a store.
type CheckReport struct {
	Problems     []string
	Routes       uint64
	AuditRecords uint64
}
