// Package boltstore is the embedded backend of store.Store, on bbolt.
//
// One goroutine writes. It merges the calls that wait into one bolt
// transaction, decides each in turn over the records as the calls before leave
// them, and answers after the commit. Reads see committed state only: bolt
// shows a new meta page before it is synced, so a reader that meets one waits.
//
// The buckets:
//
//	meta       schema and state: identity, revision, count, digest, ends of the audit chain;
//	           since schema 3 the key that authenticates versions and the lineage
//	           that shows whether a version was issued, and whether it was lost
//	routes     key -> record (routes.AppendKey keeps the order of routes.Key.Compare)
//	tombstones key -> record and the nodes that have yet to prove
//	waiting    node, revision, key -> (nothing): what a node has yet to prove, in order
//	nodes      id -> known node
//	requests   request id -> fingerprint, expiry, answer
//	expiry     time, request id -> (nothing): the order in which request ids expire
//	audit      sequence -> audit record and its hash
package boltstore
