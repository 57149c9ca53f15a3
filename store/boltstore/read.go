package boltstore

import (
	"bytes"
	"context"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// checkEvery is after how many records a long read looks at its context.
const checkEvery = 256

// begin starts a read of the newest state that is durable.
func (s *Store) begin(ctx context.Context) (*bolt.Tx, *handle, error) {
	for {
		decided := *s.decided.Load()
		tx, h, err := s.tryBegin()
		if err != nil || int64(tx.ID()) <= h.committed.Load() {
			return tx, h, err
		}
		// A commit is between its meta page and its sync, or has failed there.
		if err := guard(tx.Rollback); err != nil {
			return nil, nil, named(s.path, err)
		}
		if refused := s.Info().Err; refused != nil && refused.Reason == routes.StoreFailed {
			return nil, nil, refused
		}
		select {
		case <-decided:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (s *Store) tryBegin() (tx *bolt.Tx, h *handle, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, errClosed()
	}
	err = guard(func() (err error) { tx, err = s.h.db.Begin(false); return err })
	if err != nil {
		return nil, nil, failed(s.path, err)
	}
	return tx, s.h, nil
}

// view calls fn in one consistent read.
func (s *Store) view(ctx context.Context, fn func(*bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, _, err := s.begin(ctx)
	if err != nil {
		return err
	}
	return s.read(tx, func() error { return fn(tx) })
}

// read calls fn and ends the transaction.
func (s *Store) read(tx *bolt.Tx, fn func() error) error {
	err := guard(fn)
	return named(s.path, first(err, guard(tx.Rollback)))
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key routes.Key) (rec routes.Record, err error) {
	if !key.Destination.IsValid() || !key.NextHop.IsValid() {
		return rec, noRoute(key)
	}
	k := routes.AppendKey(nil, key)
	err = s.view(ctx, func(tx *bolt.Tx) (err error) {
		var r reader
		if v := tx.Bucket([]byte(routesBucket)).Get(k); v != nil {
			rec, err = r.record(k, v)
		} else if v := tx.Bucket([]byte(tombstoneBucket)).Get(k); v != nil {
			rec, _, err = r.tombstone(k, v)
		} else {
			err = noRoute(key)
		}
		return err
	})
	return rec, err
}

// Has implements store.Store.
func (s *Store) Has(ctx context.Context, keys []routes.Key) (has []bool, err error) {
	has = make([]bool, len(keys))
	err = s.view(ctx, func(tx *bolt.Tx) error {
		live, removed := tx.Bucket([]byte(routesBucket)).Cursor(), tx.Bucket([]byte(tombstoneBucket)).Cursor()
		var buf []byte
		for i, key := range keys {
			if i%checkEvery == checkEvery-1 && ctx.Err() != nil {
				return ctx.Err()
			}
			if !key.Destination.IsValid() || !key.NextHop.IsValid() {
				continue
			}
			buf = routes.AppendKey(buf[:0], key)
			for _, c := range []*bolt.Cursor{live, removed} {
				if k, _ := c.Seek(buf); bytes.Equal(k, buf) {
					has[i] = true
					break
				}
			}
		}
		return nil
	})
	return has, err
}

func noRoute(key routes.Key) error {
	return &routes.Error{Reason: routes.NotFound, Field: "destination", Value: key.Destination.String(), Problem: "no custom route " + key.String(), Params: map[string]string{"route": key.String(), "interface": key.Interface}}
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, tombstones bool, yield func(routes.Record) error) (version routes.Version, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		version = st.version
		sc := newScan(tx, tombstones)
		for rec, ok := sc.within(nil, nil); ok; rec, ok = sc.next() {
			if sc.read%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if err := yield(rec); err != nil {
				return err
			}
		}
		return sc.err
	})
	return version, err
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.Query) (recs []routes.Record, more bool, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		sc := newScan(tx, q.Tombstones)
		after := afterKey(q.After)
		recs = make([]routes.Record, 0, s.room(q))
		// What the order of the keys does not serve.
		wanted := store.Query{NextHops: q.NextHops, Metrics: q.Metrics}.Matcher()
		for _, prefix := range ranges(tx, q) {
			for rec, ok := sc.within(prefix, after); ok; rec, ok = sc.next() {
				if sc.read%checkEvery == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				if !wanted.Takes(rec.Route) {
					continue
				}
				if q.Limit > 0 && len(recs) == q.Limit {
					more = true
					return nil
				}
				recs = append(recs, rec)
			}
		}
		return sc.err
	})
	if err != nil {
		return nil, false, err
	}
	return recs, more, nil
}

// room is how many records a query is likely to return. Growing to a large page
// step by step costs more than reading it.
func (s *Store) room(q store.Query) int {
	if len(q.Destinations) > 0 || len(q.NextHops) > 0 || len(q.Metrics) > 0 {
		return 0
	}
	return int(min(uint64(q.Limit), s.Info().Version.Count))
}
