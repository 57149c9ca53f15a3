package fleet

import (
	"fmt"
	"slices"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	"github.com/hcsroute/hcsroute/routes"
)

// exchange is what the host and an agent have said to each other in a session.
type exchange struct {
	held    routes.Version // as the agent's hello said
	base    routes.Version // what the agent holds for sure; zero: not known
	pending []sentVersion  // sent and not yet reported, oldest first
	whole   bool           // the whole set is to be sent
	wholes  int            // sent since the last good report
	rate    agentapi.Allowance
	lapses  lapses

	reported bool // in full
	over     bool // ended, to be renewed
	accused  bool // its node, while it was live
}

// sentVersion is a version on its way to the agent.
type sentVersion struct {
	version routes.Version
	keys    []routes.Key // changed by it
	all     bool         // a whole set
}

func (x *exchange) expectWhole(v routes.Version) error {
	if x.wholes++; x.wholes > maxWholes {
		return fmt.Errorf("the agent did not take the whole set, sent %d times", maxWholes)
	}
	x.whole = false
	x.pending = append(x.pending, sentVersion{version: v, all: true})
	return nil
}

// versionClass is what a reported version is to this session.
type versionClass int

const (
	versionKnown versionClass = iota // sent, or held from the start
	versionOlder                     // before the oldest that is of use
	versionWrong                     // never sent, or with another content
)

// classify finds a reported version; at is the number of pending versions that it
// answers. A report without version, or of what the agent held before, speaks
// of no set of this session.
func (x *exchange) classify(v routes.Version) (c versionClass, at int) {
	if v.StoreID == "" {
		return versionOlder, 0
	}
	for i := len(x.pending) - 1; i >= 0; i-- {
		if x.pending[i].version == v {
			return versionKnown, i + 1
		}
	}
	if v == x.base {
		return versionKnown, 0
	}
	later := func(known routes.Version) bool { return known.StoreID != v.StoreID || known.Newer(v) }
	if v == x.held || x.base.StoreID != "" && later(x.base) || slices.ContainsFunc(x.pending, func(s sentVersion) bool { return later(s.version) }) {
		return versionOlder, 0
	}
	return versionWrong, 0
}
