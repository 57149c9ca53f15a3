// Package journal is the agent's durable log of the desired set. A change is
// on the disk before it is reported, so that a node that starts again has its
// routes back before the host calls.
//
// The log is one file: a header, the whole set as of its last compaction, and
// the changes since. Each part is a record with its own checksum. A change is
// one append and one fdatasync; a whole set is a new file that takes the old
// one's place by rename.
package journal
