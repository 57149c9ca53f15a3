package config

import "runtime/debug"

// gcPercent makes collections rare: with a small heap they would delay one
// call in a hundred, and a whole set would be taken in with one every few parts.
const gcPercent = 400

// TuneMemory sets the garbage collector, unless the operator has by GOGC and
// GOMEMLIMIT: it collects seldom, and more often near limit, in bytes.
func TuneMemory(environ []string, limit int64) {
	if Lookup(environ, "GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if Lookup(environ, "GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
