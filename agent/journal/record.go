package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A record is: magic, kind, length of the body, CRC-32C of kind, length and
// body, then the body. Numbers are little-endian.
const (
	magic      = 0x4a524348 // "HCRJ"
	headerSize = 13
	// maxBody bounds what a damaged length can make the reader allocate. The
	// largest message of a session is smaller (package agentd).
	maxBody = 64 << 20
)

type kind byte

// The kinds of records. A log is kindHeader, any number of kindRoutes,
// kindSet, then any number of kindChange.
const (
	kindHeader kind = iota + 1 // format, node, store id, epoch
	kindRoutes                 // a part of the whole set
	kindSet                    // end of the whole set: ports and version
	kindChange                 // a change and the version after it
)

// errDamaged is a record that is not what was written. Whether it is a torn
// tail or worse is for the caller to find out.
var errDamaged = errors.New("damaged record")

// beginRecord appends room for a record's header; endRecord fills it.
func beginRecord(b []byte, k kind) (buf []byte, start int) {
	start = len(b)
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = append(b, byte(k))
	return append(b, make([]byte, 8)...), start
}

func endRecord(b []byte, start int) []byte {
	head, body := b[start:start+headerSize], b[start+headerSize:]
	binary.LittleEndian.PutUint32(head[5:], uint32(len(body)))
	binary.LittleEndian.PutUint32(head[9:], checksum(head, body))
	return b
}

func checksum(head, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head[4:9], table), table, body)
}

// reader reads records from a log of known size.
type reader struct {
	src    io.ReaderAt
	size   int64
	offset int64 // of the next record
	base   int64 // offset behind the whole set
	plain  bool  // of format 1
	buf    []byte
}

// next returns the next record; io.EOF at the end. The body is valid until the
// next call. On errDamaged the offset stays at the damaged record.
func (r *reader) next() (kind, []byte, error) {
	left := r.size - r.offset
	if left == 0 {
		return 0, nil, io.EOF
	}
	if left < headerSize {
		return 0, nil, fmt.Errorf("%w: %d bytes at the end", errDamaged, left)
	}
	var head [headerSize]byte
	if err := readFull(r.src, head[:], r.offset); err != nil {
		return 0, nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[5:]))
	switch {
	case binary.LittleEndian.Uint32(head[:]) != magic:
		return 0, nil, fmt.Errorf("%w: no record at offset %d", errDamaged, r.offset)
	case n > maxBody || n > left-headerSize:
		return 0, nil, fmt.Errorf("%w: %d bytes at offset %d, %d left", errDamaged, n, r.offset, left)
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	body := r.buf[:n]
	if err := readFull(r.src, body, r.offset+headerSize); err != nil {
		return 0, nil, err
	}
	if binary.LittleEndian.Uint32(head[9:]) != checksum(head[:], body) {
		return 0, nil, fmt.Errorf("%w: checksum at offset %d", errDamaged, r.offset)
	}
	r.offset += headerSize + n
	return kind(head[4]), body, nil
}

// goodAfter reports whether a whole record starts anywhere behind the damaged
// one: then it is no torn tail.
func (r *reader) goodAfter() (bool, error) {
	rest := make([]byte, r.size-r.offset)
	if err := readFull(r.src, rest, r.offset); err != nil {
		return false, err
	}
	magicBytes := binary.LittleEndian.AppendUint32(nil, magic)
	for i := 1; i+headerSize <= len(rest); i++ {
		if string(rest[i:i+4]) != string(magicBytes) {
			continue
		}
		probe := reader{src: r.src, size: r.size, offset: r.offset + int64(i)}
		if _, _, err := probe.next(); err == nil {
			return true, nil
		} else if !errors.Is(err, errDamaged) {
			return false, err
		}
	}
	return false, nil
}

func readFull(src io.ReaderAt, b []byte, offset int64) error {
	n, err := src.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
