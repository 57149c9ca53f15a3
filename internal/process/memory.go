package process

import (
	"runtime/debug"

	"github.com/hcsroute/hcsroute/internal/config"
)

// gcPercent makes collections rare: with a small heap they would delay one
// call in a hundred, and a whole set would be taken in with one every few parts.
const gcPercent = 400

// tuneMemory sets the garbage collector, unless the operator has by GOGC and
// GOMEMLIMIT: it collects seldom, and more often near limit, in bytes.
func tuneMemory(environ []string, limit int64) {
	if config.Lookup(environ, "GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if config.Lookup(environ, "GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
