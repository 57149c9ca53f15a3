package boltstore

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// secret authenticates the versions that nodes are given. It is in the store
// and its backups, and nowhere else.
type secret [32]byte

func (k secret) sealed() []byte { return seal([]byte(secretKey), append([]byte(nil), k[:]...)) }

func openSecret(sealed []byte) (k secret, err error) {
	b, err := unseal([]byte(secretKey), sealed)
	if err == nil && len(b) != len(k) {
		err = errShort
	}
	if err == nil {
		copy(k[:], b)
	}
	return k, err
}

// claim is a version with its place in the lineage.
type claim struct {
	timeline [16]byte
	life     uint64 // number
	id       [16]byte
	version  routes.Version
}

const (
	claimFormat = 1
	claimSize   = 1 + 16 + 8 + 16 + sha256.Size
)

// authenticator is what a node keeps with the version, and shows again.
func (k secret) authenticator(c claim) []byte {
	b := make([]byte, 0, claimSize)
	b = append(append(b, claimFormat), c.timeline[:]...)
	b = append(binary.BigEndian.AppendUint64(b, c.life), c.id[:]...)
	return append(b, k.mac(b, c.version)...)
}

// verify reads what authenticator made; ok is false for anything else.
func (k secret) verify(v routes.Version, authenticator []byte) (c claim, ok bool) {
	if len(authenticator) != claimSize || authenticator[0] != claimFormat {
		return c, false
	}
	head := authenticator[:claimSize-sha256.Size]
	if !hmac.Equal(k.mac(head, v), authenticator[len(head):]) {
		return c, false
	}
	d := decoder{b: head[1:]}
	return claim{timeline: d.id(), life: d.uint64(), id: d.id(), version: v}, true
}

func (k secret) mac(head []byte, v routes.Version) []byte {
	m := hmac.New(sha256.New, k[:])
	m.Write([]byte("hcsroute version\n"))
	m.Write(head)
	m.Write(appendClaimed(nil, v))
	return m.Sum(nil)
}

func appendClaimed(b []byte, v routes.Version) []byte {
	b = appendText(b, v.StoreID)
	for _, n := range []uint64{v.Epoch, uint64(v.Revision), v.Count} {
		b = binary.AppendUvarint(b, n)
	}
	return append(b, v.Digest.Bytes()...)
}

func (d *decoder) claimed() (v routes.Version) {
	v.StoreID, v.Epoch, v.Revision, v.Count = d.text(), d.uvarint(), routes.Revision(d.uvarint()), d.uvarint()
	digest := d.hash()
	if d.err == nil {
		v.Digest, d.err = routes.DigestFromBytes(digest[:])
	}
	return v
}

func randomFill(all ...[]byte) error {
	for _, b := range all {
		if _, err := rand.Read(b); err != nil {
			return err
		}
	}
	return nil
}

// Authenticator implements store.Store.
func (s *Store) Authenticator(v routes.Version) []byte {
	l, _ := s.log.lineage()
	last := len(l.lives) - 1
	return s.secret.authenticator(claim{timeline: l.timeline, life: l.before + uint64(last), id: l.lives[last].id, version: v})
}

// standing is what a version that a node shows is to a store with that lineage, at now.
func (s *Store) standing(l *lineage, now, v routes.Version, authenticator []byte) store.Standing {
	c, ok := s.secret.verify(v, authenticator)
	if !ok || v.StoreID != now.StoreID {
		return store.Unproven
	}
	return l.judge(c, now)
}
