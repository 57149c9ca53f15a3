package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt's file format, version 2 (internal/common of bbolt): pages in the
// machine's byte order. It is read here by hand because bbolt follows damaged
// pages into panics in goroutines of its own, and into endless loops.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	elementSize  = 16 // branch: pos 4, key size 4, page 8; leaf: flags 4, pos 4, key size 4, value size 4
	bucketHeader = 16 // root page 8, sequence 8
	checksumSize = 8
	metaSize     = 64 // magic 4, version 4, page size 4, flags 4, root 8, sequence 8, freelist 8, pages 8, transaction 8, checksum 8

	branchPage = 0x01
	leafPage   = 0x02
	metaPage   = 0x04
	bucketLeaf = 0x01

	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

// meta is what a meta page says.
type meta struct {
	pageSize    int64
	root, pages uint64
	transaction uint64
}

func parseMeta(b []byte) (m meta, ok bool) {
	order := binary.NativeEndian
	if len(b) < pageHeader+metaSize || order.Uint16(b[8:])&metaPage == 0 {
		return m, false
	}
	b = b[pageHeader : pageHeader+metaSize]
	h := fnv.New64a()
	h.Write(b[:metaSize-checksumSize])
	if order.Uint32(b) != metaMagic || order.Uint32(b[4:]) != metaVersion || order.Uint64(b[56:]) != h.Sum64() {
		return m, false
	}
	m = meta{pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), pages: order.Uint64(b[40:]), transaction: order.Uint64(b[48:])}
	return m, m.pageSize >= 1024 && m.pageSize <= 1<<24 && m.pageSize&(m.pageSize-1) == 0
}

// readMeta reads the meta page that counts: of the two the newer valid one.
func readMeta(f io.ReaderAt, size int64) (meta, error) {
	var (
		best  meta
		found bool
		buf   [pageHeader + metaSize]byte
	)
	// The second page lies at the page size, which only a meta page has.
	for at := int64(0); at < size && at <= 1<<24; at = max(1024, at*2) {
		if n, _ := f.ReadAt(buf[:], at); n < len(buf) {
			continue
		}
		m, ok := parseMeta(buf[:])
		if ok && (at == 0 || at == m.pageSize) && (!found || m.transaction > best.transaction) {
			best, found = m, true
		}
	}
	if !found {
		return best, damaged("it has no valid meta page")
	}
	if int64(best.pages) < 0 || int64(best.pages) > size/best.pageSize {
		return best, damaged("it has %d bytes, but %d pages of %d were written", size, best.pages, best.pageSize)
	}
	return best, nil
}

// remedyOpened is what to do about an invalid meta page.
const remedyOpened = "the newest change before that may be missing, as after a power cut or a damaged disk; " +
	"a node that holds it proves the loss (hcsroute store behind); check the disk"

// invalidMeta says that one of the two meta pages is not what was written:
// bbolt then silently goes on from the change before. A page that is being
// written is looked at again.
func invalidMeta(f io.ReaderAt, pageSize int64) error {
	var buf [pageHeader + metaSize]byte
	for slot := range int64(2) {
		valid := false
		for try := 0; try < 100 && !valid; try++ {
			n, _ := f.ReadAt(buf[:], slot*pageSize)
			m, ok := parseMeta(buf[:n])
			if !ok {
				// Hidden by this store: what it held was never acknowledged.
				invert(buf[pageHeader+metaSize-checksumSize:])
				m, ok = parseMeta(buf[:n])
			}
			valid = ok && m.pageSize == pageSize
		}
		if !valid {
			return fmt.Errorf("meta page %d of the file was invalid", slot)
		}
	}
	return nil
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}
