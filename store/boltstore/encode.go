package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// errShort says that an encoding ended early or holds more than it should.
var errShort = errors.New("value is cut short or too long")

const sealSize = 4

// seal appends the checksum (CRC-32C) of key and value: bbolt's pages have none.
func seal(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, checksum(key, value))
}

// unseal takes the checksum off, or says that key or value is not what was written.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - sealSize
	if n < 0 || binary.BigEndian.Uint32(sealed[n:]) != checksum(key, sealed[:n]) {
		return nil, errors.New("the checksum is wrong")
	}
	return sealed[:n], nil
}

func checksum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads what binary.Append* and appendText wrote. The first error
// sticks; after it every read gives zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.b)) {
		d.fail(errShort)
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	// A longer encoding of the same number would give one record two forms.
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.fail(errShort)
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) hash() (h [32]byte) {
	copy(h[:], d.take(32))
	return h
}

func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

func (d *decoder) text() string { return string(d.bytes()) }

// count reads the length of a list of elements of at least one byte each.
func (d *decoder) count() uint64 {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail(errShort)
		return 0
	}
	return n
}

// version reads the leading format byte.
func (d *decoder) version(want byte) { //nolint:unparam // each kind of record has a version of its own; all are at their first
	if b := d.take(1); b != nil && b[0] != want {
		d.fail(fmt.Errorf("format %d, this version knows %d", b[0], want))
	}
}

// end gives the error; bytes that are left are one.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) != 0 {
		d.err = errShort
	}
	return d.err
}
