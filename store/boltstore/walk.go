package boltstore

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
)

// walker verifies the tree of pages below a root: each page within the file,
// in one place only, of a known kind, with its keys in order and its elements
// inside it. bbolt can read what passes.
type walker struct {
	f        io.ReaderAt
	pageSize int64
	pages    uint64
	seen     []bool
}

// verifyFile verifies the structure of a store's file that nobody writes.
func verifyFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := readMeta(f, info.Size())
	if err != nil {
		return err
	}
	w := walker{f: f, pageSize: m.pageSize, pages: m.pages}
	return w.walk(m.root)
}

func (w *walker) walk(root uint64) error {
	w.seen = make([]bool, w.pages)
	return w.tree(root, nil, nil, 0)
}

// maxDepth bounds the recursion: 2^64 keys need less with two per page.
const maxDepth = 64

// tree verifies the page and all below it. Keys are in [low, high); nil: no bound.
func (w *walker) tree(id uint64, low, high []byte, depth int) error {
	page, err := w.page(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damaged("page %d lies %d levels deep", id, depth)
	}
	return w.elements(page, node{id: id, low: low, high: high, depth: depth})
}

// page reads a page with its overflow and claims it.
func (w *walker) page(id uint64) ([]byte, error) {
	if id < 2 || id >= w.pages {
		return nil, damaged("page %d is not one of the file's %d", id, w.pages)
	}
	var head [pageHeader]byte
	if _, err := w.f.ReadAt(head[:], int64(id)*w.pageSize); err != nil {
		return nil, damaged("page %d: %v", id, err)
	}
	order := binary.NativeEndian
	n := uint64(order.Uint32(head[12:])) + 1
	if got := order.Uint64(head[:]); got != id || n > w.pages-id {
		return nil, damaged("page %d says that it is page %d with %d parts", id, got, n)
	}
	for i := id; i < id+n; i++ {
		if w.seen[i] {
			return nil, damaged("page %d is used twice", i)
		}
		w.seen[i] = true
	}
	page := make([]byte, int64(n)*w.pageSize)
	if _, err := w.f.ReadAt(page, int64(id)*w.pageSize); err != nil {
		return nil, damaged("page %d: %v", id, err)
	}
	return page, nil
}

// node is a page, or the page inside the value of a small bucket, in its place.
type node struct {
	id        uint64
	low, high []byte
	depth     int
	inline    bool
}

type element struct {
	flags      uint32
	page       uint64
	key, value []byte
}

func (w *walker) elements(page []byte, at node) error {
	order := binary.NativeEndian
	kind, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if kind != branchPage && kind != leafPage || at.inline && kind != leafPage {
		return damaged("page %d is of the kind %#x", at.id, kind)
	}
	if pageHeader+count*elementSize > len(page) || kind == branchPage && count == 0 {
		return damaged("page %d has %d elements", at.id, count)
	}
	all := make([]element, count)
	for i := range all {
		var ok bool
		if all[i], ok = parseElement(page, pageHeader+i*elementSize, kind); !ok {
			return damaged("page %d: element %d lies outside of it", at.id, i)
		}
		key := all[i].key
		if i > 0 && bytes.Compare(all[i-1].key, key) >= 0 || at.low != nil && bytes.Compare(key, at.low) < 0 || at.high != nil && bytes.Compare(key, at.high) >= 0 {
			return damaged("page %d: key %d is not in order", at.id, i)
		}
	}
	for i, e := range all {
		switch {
		case kind == branchPage:
			high := at.high
			if i+1 < count {
				high = all[i+1].key
			}
			if err := w.tree(e.page, e.key, high, at.depth+1); err != nil {
				return err
			}
		case e.flags&bucketLeaf != 0:
			if err := w.bucket(e.value, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) bucket(value []byte, at node) error {
	if len(value) < bucketHeader || at.depth > maxDepth {
		return damaged("page %d: a bucket of %d bytes", at.id, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.tree(root, nil, nil, at.depth+1)
	}
	if len(value) < bucketHeader+pageHeader {
		return damaged("page %d: a bucket of %d bytes", at.id, len(value))
	}
	return w.elements(value[bucketHeader:], node{id: at.id, depth: at.depth + 1, inline: true})
}

func parseElement(page []byte, at int, kind uint16) (e element, ok bool) {
	order := binary.NativeEndian
	h := page[at : at+elementSize]
	var pos, ksize, vsize uint64
	if kind == branchPage {
		pos, ksize, e.page = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), order.Uint64(h[8:])
	} else {
		e.flags = order.Uint32(h)
		pos, ksize, vsize = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
	}
	start := uint64(at) + pos
	if start+ksize+vsize > uint64(len(page)) {
		return e, false
	}
	e.key, e.value = page[start:start+ksize], page[start+ksize:start+ksize+vsize]
	return e, true
}
