package boltstore

import "encoding/binary"

const (
	// requestCost is what a request id takes beside its answer, in bytes.
	requestCost = 128
	// actorAnswers is how many bytes of answers are kept of one actor, allAnswers of all.
	actorAnswers = 16 << 20
	allAnswers   = 64 << 20
)

// expiry is the value in the bucket expiry: whose the answer is, and its size.
type expiry struct {
	actor string
	bytes uint64
}

func (e expiry) append(b []byte) []byte {
	return appendText(binary.AppendUvarint(b, e.bytes), e.actor)
}

// readExpiry reads it; that of an earlier store is nobody's, and small.
func readExpiry(value []byte) expiry {
	d := decoder{b: value}
	e := expiry{bytes: d.uvarint(), actor: d.text()}
	if d.end() != nil {
		return expiry{bytes: requestCost}
	}
	return e
}

// answers counts the answers that are kept.
type answers struct {
	all   uint64
	actor map[string]uint64
	from  map[string][]byte // no older answer of the actor is there
}

// kept counts an answer that came (1) or went (-1).
func (g *group) kept(e expiry, n int) {
	a := g.keep.answers
	switch {
	case a == nil:
	case n > 0:
		a.all += e.bytes
		a.actor[e.actor] += e.bytes
	default:
		a.all -= min(a.all, e.bytes)
		if a.actor[e.actor] -= min(a.actor[e.actor], e.bytes); a.actor[e.actor] == 0 {
			delete(a.actor, e.actor)
			delete(a.from, e.actor)
		}
	}
}

// makeRoom forgets the oldest answers of each actor who has too many and, where
// all together are too many, of the actor with the most.
func (g *group) makeRoom() {
	if g.keep.answers == nil {
		g.countAnswers()
	}
	a := g.keep.answers
	for actor, bytes := range a.actor {
		if bytes > g.limits.actorAnswers {
			g.forgetOldest(actor, bytes-g.limits.actorAnswers)
		}
	}
	for a.all > g.limits.allAnswers && len(a.actor) > 0 {
		loud := ""
		for actor, bytes := range a.actor {
			if loud == "" || bytes > a.actor[loud] {
				loud = actor
			}
		}
		before := a.all
		if g.forgetOldest(loud, 1); a.all == before {
			return
		}
	}
}

func (g *group) countAnswers() {
	g.keep.answers = &answers{actor: map[string]uint64{}, from: map[string][]byte{}}
	c := g.bucket(expiryBucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		g.kept(readExpiry(v), 1)
	}
}

// forgetOldest forgets the oldest answers of an actor, so many bytes at least.
func (g *group) forgetOldest(actor string, bytes uint64) {
	var old [][]byte
	c := g.bucket(expiryBucket).Cursor()
	k, v := c.Seek(g.keep.answers.from[actor])
	for freed := uint64(0); k != nil && freed < bytes; k, v = c.Next() {
		if e := readExpiry(v); e.actor == actor && len(k) >= 8 {
			old = append(old, append([]byte{}, k...))
			freed += e.bytes
		}
	}
	for _, k := range old {
		g.forgetRequest(k)
		if _, more := g.keep.answers.actor[actor]; more {
			g.keep.answers.from[actor] = k
		}
	}
}
