package boltstore

import (
	"encoding/binary"

	"github.com/hcsroute/hcsroute/routes"
)

const stateFormat = 1

// state is what the store is at one revision. It is small, copied by value and
// written with every commit, so that count and digest cost O(1) per change.
type state struct {
	version  routes.Version
	removing uint64 // tombstones
	audit    chain
}

// chain is the audit chain's ends. Records first..next-1 are kept; anchor is
// the hash of the record before first, head that of the newest.
type chain struct {
	first, next  uint64
	bytes        uint64 // of the records kept
	anchor, head [32]byte
}

func (s state) append(b []byte) []byte {
	b = append(b, stateFormat)
	b = appendText(b, s.version.StoreID)
	for _, v := range []uint64{s.version.Epoch, uint64(s.version.Revision), s.version.Count, s.removing, s.audit.first, s.audit.next, s.audit.bytes} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, s.version.Digest.Bytes()...)
	b = append(b, s.audit.anchor[:]...)
	return append(b, s.audit.head[:]...)
}

// sealed is the value of the state record.
func (s state) sealed() []byte { return seal([]byte(stateKey), s.append(nil)) }

func openState(sealed []byte) (state, error) {
	b, err := unseal([]byte(stateKey), sealed)
	if err != nil {
		return state{}, err
	}
	return decodeState(b)
}

func decodeState(b []byte) (state, error) {
	var s state
	d := decoder{b: b}
	d.version(stateFormat)
	s.version.StoreID = d.text()
	s.version.Epoch = d.uvarint()
	s.version.Revision = routes.Revision(d.uvarint())
	s.version.Count, s.removing = d.uvarint(), d.uvarint()
	s.audit.first, s.audit.next, s.audit.bytes = d.uvarint(), d.uvarint(), d.uvarint()
	digest := d.hash()
	s.audit.anchor, s.audit.head = d.hash(), d.hash()
	if err := d.end(); err != nil {
		return state{}, err
	}
	var err error
	s.version.Digest, err = routes.DigestFromBytes(digest[:])
	return s, err
}
