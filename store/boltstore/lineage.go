package boltstore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const (
	lineageFormat = 1
	// maxLives is how many lives are remembered. Of a life before those only the
	// number is known: any version of it may have been issued.
	maxLives = 256
	// maxLosses bounds what nodes can make the store remember.
	maxLosses = 64
)

// lineage distinguishes a version that this store issued and has from one that it
// issued and lost. It never changes; a write makes another one.
type lineage struct {
	// timeline is new with the store, a restore and an accepted loss.
	timeline [16]byte
	// declared: it began with a restore or an accepted loss, so that versions
	// of another timeline are no loss.
	declared bool
	// lives are the processes that have written in this timeline, the newest
	// last; before is the number of those forgotten.
	lives  []life
	before uint64
	losses []store.Loss
}

// life is one process that wrote. It ends where the next one starts: a version
// of it beyond that was acknowledged, and lost.
type life struct {
	id    [16]byte
	start routes.Revision // the store's, before its first write
}

func newLineage(at routes.Revision, declared bool) (*lineage, error) {
	l := &lineage{declared: declared, lives: []life{{start: at}}}
	return l, randomFill(l.timeline[:], l.lives[0].id[:])
}

// born is the lineage with a new life.
func (l *lineage) born(at routes.Revision) (*lineage, error) {
	next := *l
	young := life{start: at}
	next.lives = append(append(make([]life, 0, len(l.lives)+1), l.lives...), young)
	if over := len(next.lives) - maxLives; over > 0 {
		next.lives, next.before = next.lives[over:], next.before+uint64(over)
	}
	return &next, randomFill(next.lives[len(next.lives)-1].id[:])
}

// lost is the lineage with a loss that it lacked; the same one where it has it.
func (l *lineage) lost(loss store.Loss) *lineage {
	if slices.ContainsFunc(l.losses, same(loss)) {
		return l
	}
	next := *l.without(func(known store.Loss) bool { return known.Node == loss.Node })
	if len(next.losses) == maxLosses {
		return l
	}
	next.losses = append(slices.Clone(next.losses), loss)
	return &next
}

// same finds a loss, whenever it was found.
func same(loss store.Loss) func(store.Loss) bool {
	return func(l store.Loss) bool { return l.Node == loss.Node && l.Version == loss.Version }
}

// without is the lineage less some losses; the same one where it has none of them.
func (l *lineage) without(ended func(store.Loss) bool) *lineage {
	if !slices.ContainsFunc(l.losses, ended) {
		return l
	}
	next := *l
	next.losses = slices.DeleteFunc(slices.Clone(l.losses), ended)
	return &next
}

// judge says what an authentic version of the life is to a store at now.
func (l *lineage) judge(c claim, now routes.Version) store.Standing {
	switch last := uint64(len(l.lives) - 1); {
	case c.timeline != l.timeline && l.declared:
		return store.Superseded
	case c.timeline != l.timeline, c.version.Epoch > now.Epoch, c.life > l.before+last:
		return store.Lost
	case c.life < l.before:
		return standing(c.version.Revision <= now.Revision)
	default:
		at := c.life - l.before
		end := now.Revision
		if at < last {
			end = l.lives[at+1].start
		}
		return standing(c.id == l.lives[at].id && c.version.Revision <= end)
	}
}

func standing(has bool) store.Standing {
	if has {
		return store.Issued
	}
	return store.Lost
}

// sealed is the value of the lineage record.
func (l *lineage) sealed() []byte {
	b := append([]byte{lineageFormat}, l.timeline[:]...)
	b = append(b, map[bool]byte{true: 1}[l.declared])
	b = binary.AppendUvarint(b, l.before)
	b = binary.AppendUvarint(b, uint64(len(l.lives)))
	for _, one := range l.lives {
		b = binary.AppendUvarint(append(b, one.id[:]...), uint64(one.start))
	}
	b = binary.AppendUvarint(b, uint64(len(l.losses)))
	for _, loss := range l.losses {
		b = appendText(b, loss.Node)
		b = binary.BigEndian.AppendUint64(b, uint64(loss.Time.UnixNano()))
		b = appendClaimed(b, loss.Version)
	}
	return seal([]byte(lineageKey), b)
}

func openLineage(sealed []byte) (*lineage, error) {
	b, err := unseal([]byte(lineageKey), sealed)
	if err != nil {
		return nil, err
	}
	d := decoder{b: b}
	d.version(lineageFormat)
	l := &lineage{timeline: d.id(), declared: d.flag(), before: d.uvarint()}
	for range d.count() {
		l.lives = append(l.lives, life{id: d.id(), start: routes.Revision(d.uvarint())})
	}
	for range d.count() {
		loss := store.Loss{Node: d.text(), Time: time.Unix(0, int64(d.uint64()))}
		loss.Version = d.claimed()
		l.losses = append(l.losses, loss)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	if len(l.lives) == 0 {
		return nil, fmt.Errorf("no life")
	}
	return l, nil
}

func (d *decoder) id() (id [16]byte) {
	copy(id[:], d.take(16))
	return id
}

func (d *decoder) flag() bool {
	b := d.take(1)
	return b != nil && b[0] == 1
}

// readLineage reads key and lineage, which every store of this schema has.
func readLineage(tx *bolt.Tx) (k secret, l *lineage, err error) {
	meta := tx.Bucket([]byte(metaBucket))
	if k, err = openSecret(meta.Get([]byte(secretKey))); err != nil {
		return k, nil, damaged("key: %v", err)
	}
	if l, err = openLineage(meta.Get([]byte(lineageKey))); err != nil {
		return k, nil, damaged("lineage: %v", err)
	}
	return k, l, nil
}

// addLineage gives a key and a lineage to a store that has none: a new one,
// or one older than schema 3.
func addLineage(tx *bolt.Tx) error {
	st, err := readState(tx)
	if err != nil {
		return err
	}
	var k secret
	if err := randomFill(k[:]); err != nil {
		return err
	}
	l, err := newLineage(st.version.Revision, false)
	if err != nil {
		return err
	}
	meta := tx.Bucket([]byte(metaBucket))
	if err := meta.Put([]byte(secretKey), k.sealed()); err != nil {
		return err
	}
	return meta.Put([]byte(lineageKey), l.sealed())
}
