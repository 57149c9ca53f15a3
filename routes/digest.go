package routes

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// Digest fingerprints a set of routes: the sum modulo 2^256 of the SHA-256 of
// each route's canonical encoding. One change costs O(1), and the order of
// changes does not matter. The zero value is the digest of the empty set.
type Digest [4]uint64 // little-endian words

// Add returns the digest with r added to the set.
func (d Digest) Add(r Route) Digest { return d.Sum(hashRoute(r)) }

// Sum is the digest of two sets that have no route in common.
func (d Digest) Sum(o Digest) Digest {
	var carry uint64
	for i := range d {
		d[i], carry = bits.Add64(d[i], o[i], carry)
	}
	return d
}

// Remove returns the digest with r taken out of the set.
func (d Digest) Remove(r Route) Digest {
	h := hashRoute(r)
	var borrow uint64
	for i := range d {
		d[i], borrow = bits.Sub64(d[i], h[i], borrow)
	}
	return d
}

// Bytes is the digest as 32 big-endian bytes.
func (d Digest) Bytes() []byte {
	b := make([]byte, 0, 32)
	for i := len(d) - 1; i >= 0; i-- {
		b = binary.BigEndian.AppendUint64(b, d[i])
	}
	return b
}

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d.Bytes()) }

// DigestFromBytes reads what Bytes wrote.
func DigestFromBytes(b []byte) (Digest, error) {
	var d Digest
	if len(b) != 32 {
		return d, fmt.Errorf("digest of %d bytes, want 32", len(b))
	}
	for i := range d {
		d[len(d)-1-i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return d, nil
}

func hashRoute(r Route) (words Digest) {
	var buf [320]byte
	h := sha256.Sum256(r.AppendCanonical(buf[:0]))
	for i := range words {
		words[len(words)-1-i] = binary.BigEndian.Uint64(h[8*i:])
	}
	return words
}

// DigestOf is the digest of a whole set.
func DigestOf(set []Route) Digest {
	var d Digest
	for _, r := range set {
		d = d.Add(r)
	}
	return d
}

// Version places a set in time: the store it comes from, the store's epoch
// and its revision, with the count and digest that prove the set complete.
type Version struct {
	StoreID  string
	Epoch    uint64
	Revision Revision
	Count    uint64
	Digest   Digest
}

// Revision is the store's counter; every change takes the next one. Order is
// by (epoch, revision), never by clock.
type Revision uint64

// Newer reports whether v is later than o in the order (epoch, revision).
// Versions of different stores have no order.
func (v Version) Newer(o Version) bool {
	if v.Epoch != o.Epoch {
		return v.Epoch > o.Epoch
	}
	return v.Revision > o.Revision
}
