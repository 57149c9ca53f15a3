package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// verifyRoutes decodes every route and compares count and digest with the state.
func verifyRoutes(tx *bolt.Tx, st state) error {
	count, digest := uint64(0), routes.Digest{}
	sc := newScan(tx, false)
	for rec, ok := sc.within(nil, nil); ok; rec, ok = sc.next() {
		count++
		digest = digest.Add(rec.Route)
	}
	switch {
	case sc.err != nil:
		return sc.err
	case count != st.version.Count || digest != st.version.Digest:
		return damaged("it holds %d routes with the digest %s, but should hold %d with %s", count, digest, st.version.Count, st.version.Digest)
	}
	return nil
}

// verifyContent is what must hold before a store is served: routes and
// tombstones can be read and are as many as they should be.
func verifyContent(tx *bolt.Tx, st state) error {
	if err := verifyRoutes(tx, st); err != nil {
		return err
	}
	var r reader
	n := uint64(0)
	err := tx.Bucket([]byte(tombstoneBucket)).ForEach(func(k, v []byte) error {
		n++
		_, _, err := r.tombstone(k, v)
		return err
	})
	if err == nil && n != st.removing {
		err = damaged("%d removals wait, but %d should", n, st.removing)
	}
	return err
}

// Check implements store.Store: the pages, every record, count and digest,
// tombstones and what waits for them, request ids, known nodes and the audit chain.
func (s *Store) Check(ctx context.Context) (report store.CheckReport, err error) {
	tx, h, err := s.begin(ctx)
	if err != nil {
		return report, err
	}
	err = s.read(tx, func() error {
		report = checkAll(ctx, tx, h.file)
		return ctx.Err()
	})
	if err != nil {
		return report, err
	}
	if opened := s.Info().Opened; opened != "" {
		report.Problems = append(report.Problems, opened+": "+remedyOpened)
	}
	// The writer looks: nobody else knows when a compaction is changing the file.
	err = s.enqueue(ctx, &call{err: make(chan error, 1), alone: func() error {
		if err := s.h.taken(s.path); err != nil {
			report.Problems = append(report.Problems, s.stop(err).Error())
		}
		return nil
	}})
	return report, err
}

// CheckFile is Check for a file that no process has open.
func CheckFile(ctx context.Context, path string) (store.CheckReport, routes.Version, error) {
	report, version, err := checkFile(ctx, path)
	if err != nil && !errors.Is(err, ctx.Err()) {
		err = openError(path, err)
	}
	return report, version, err
}

func checkFile(ctx context.Context, path string) (report store.CheckReport, version routes.Version, err error) {
	h, st, err := openFile(path)
	if err != nil {
		return report, version, err
	}
	err = h.view(func(tx *bolt.Tx) error {
		report = checkAll(ctx, tx, h.file)
		return ctx.Err()
	})
	return report, st.version, h.close(err)
}

// oldestRead is the oldest schema that is read without migration, as a backup is.
const oldestRead = 2

// openFile opens a file to read it.
func openFile(path string) (*handle, state, error) {
	if err := verifyFile(path); err != nil {
		return nil, state{}, err
	}
	h := &handle{closed: make(chan struct{})}
	opts := &bolt.Options{ReadOnly: true, Timeout: Options{}.withDefaults().LockWait, OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		h.file = f
		return f, err
	}}
	if err := guard(func() (err error) { h.db, err = bolt.Open(path, 0o600, opts); return err }); err != nil {
		return nil, state{}, err
	}
	var st state
	err := h.view(func(tx *bolt.Tx) error {
		n, err := readSchema(tx)
		if err == nil && n < oldestRead {
			err = fmt.Errorf("its schema %d is older than this version's %d; open the store with the service once", n, schema)
		}
		if err == nil {
			st, err = readState(tx)
		}
		return err
	})
	if err != nil {
		return nil, state{}, h.close(err)
	}
	return h, st, nil
}

// checker gathers problems; the first of each kind of check is enough for it.
type checker struct {
	tx     *bolt.Tx
	report store.CheckReport
}

func checkAll(ctx context.Context, tx *bolt.Tx, f *os.File) store.CheckReport {
	c := checker{tx: tx}
	st, err := readState(tx)
	if c.note(err); err != nil {
		return c.report
	}
	w := walker{f: f, pageSize: int64(tx.DB().Info().PageSize), pages: uint64(tx.Size()) / uint64(tx.DB().Info().PageSize)}
	steps := []func() error{
		func() error { return w.walk(uint64(tx.Cursor().Bucket().Root())) },
		func() error { return verifyContent(tx, st) },
		c.tombstones, c.waiting, c.nodes, c.requests, c.lineage,
		func() error { return invalidMeta(f, w.pageSize) },
	}
	for _, step := range steps {
		if ctx.Err() != nil {
			return c.report
		}
		c.note(guard(step))
	}
	_, err = openClock(tx.Bucket([]byte(metaBucket)).Get([]byte(clockKey)), moment{})
	c.note(err)
	proof, err := verifyChain(ctx, tx, st.audit)
	c.note(err)
	if proof.Problem != "" {
		c.report.Problems = append(c.report.Problems, "audit: "+proof.Problem)
	}
	c.report.Routes, c.report.AuditRecords = st.version.Count, proof.Records
	return c.report
}

func (c *checker) note(err error) {
	if err != nil {
		c.report.Problems = append(c.report.Problems, err.Error())
	}
}

func (c *checker) lineage() error {
	n, err := readSchema(c.tx)
	if err == nil && n == schema {
		_, _, err = readLineage(c.tx)
	}
	return err
}

// tombstones checks that each is removed for good and indexed for each node.
func (c *checker) tombstones() error {
	var r reader
	return c.tx.Bucket([]byte(tombstoneBucket)).ForEach(func(k, v []byte) error {
		rec, waiting, err := r.tombstone(k, v)
		if err != nil {
			return err
		}
		if c.tx.Bucket([]byte(routesBucket)).Get(k) != nil {
			return fmt.Errorf("%s is both stored and removed", rec.Route)
		}
		for _, node := range waiting {
			if c.tx.Bucket([]byte(waitingBucket)).Get(waitingKey(node, rec.Revision, k)) == nil {
				return fmt.Errorf("the removal of %s waits for node %s, which the index of what nodes have yet to prove lacks", rec.Route, node)
			}
		}
		return nil
	})
}

// waiting checks that each entry has its tombstone, and a node that is known.
func (c *checker) waiting() error {
	var r reader
	return c.tx.Bucket([]byte(waitingBucket)).ForEach(func(k, _ []byte) error {
		d := decoder{b: k}
		node, rev := d.text(), d.uint64()
		if d.err != nil {
			return fmt.Errorf("waiting %x: %w", k, d.err)
		}
		rec, waiting, err := r.tombstone(d.b, c.tx.Bucket([]byte(tombstoneBucket)).Get(d.b))
		if err != nil {
			return err
		}
		if uint64(rec.Revision) != rev || !slices.Contains(waiting, node) || c.tx.Bucket([]byte(nodesBucket)).Get([]byte(node)) == nil {
			return fmt.Errorf("node %s waits for the removal of %s at revision %d, which does not wait for it", node, rec.Route, rev)
		}
		return nil
	})
}

func (c *checker) nodes() error {
	return c.tx.Bucket([]byte(nodesBucket)).ForEach(func(k, v []byte) error {
		_, err := openNode(k, v)
		return err
	})
}

// requests checks that request ids and their expiries name each other.
func (c *checker) requests() error {
	requests, expiry := c.tx.Bucket([]byte(requestsBucket)), c.tx.Bucket([]byte(expiryBucket))
	err := requests.ForEach(func(k, v []byte) error {
		r, err := openRequest(k, v)
		if err == nil && expiry.Get(expiryKey(r.expires, string(k))) == nil {
			err = fmt.Errorf("request id %s never expires", k)
		}
		return err
	})
	return errors.Join(err, expiry.ForEach(func(k, _ []byte) error {
		if len(k) < 8 {
			return fmt.Errorf("expiry %x: %w", k, errShort)
		}
		r, err := openRequest(k[8:], requests.Get(k[8:]))
		if err != nil || !bytes.Equal(binary.BigEndian.AppendUint64(nil, uint64(r.expires)), k[:8]) {
			return fmt.Errorf("request id %s is missing or expires at another time", k[8:])
		}
		return nil
	}))
}
