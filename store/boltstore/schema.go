package boltstore

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// schema is the layout that this version writes. migrations[n] takes a store
// from schema n to n+1; all that are needed run in one transaction.
const schema = 3

// Names of the buckets, see the package comment, and keys in meta.
const (
	metaBucket      = "meta"
	routesBucket    = "routes"
	tombstoneBucket = "tombstones"
	waitingBucket   = "waiting"
	nodesBucket     = "nodes"
	requestsBucket  = "requests"
	expiryBucket    = "expiry"
	auditBucket     = "audit"

	schemaKey = "schema"
	stateKey  = "state"
	// Since schema 3.
	secretKey  = "key"
	lineageKey = "lineage"
)

func bucketNames() []string {
	return []string{metaBucket, routesBucket, tombstoneBucket, waitingBucket, nodesBucket, requestsBucket, expiryBucket, auditBucket}
}

func createBuckets(tx *bolt.Tx) error {
	for _, name := range bucketNames() {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return putSchema(tx, schema)
}

func putSchema(tx *bolt.Tx, n uint64) error {
	return tx.Bucket([]byte(metaBucket)).Put([]byte(schemaKey), binary.AppendUvarint(nil, n))
}

func readSchema(tx *bolt.Tx) (uint64, error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return 0, fmt.Errorf("not a route store: it has no bucket %q", metaBucket)
	}
	d := decoder{b: meta.Get([]byte(schemaKey))}
	n := d.uvarint()
	if err := d.end(); err != nil {
		return 0, fmt.Errorf("schema: %w", err)
	}
	if n > schema {
		return n, fmt.Errorf("its schema %d is newer than this version's %d; install the version that wrote it, or restore an older backup", n, schema)
	}
	if n == 0 {
		return 0, fmt.Errorf("schema 0 does not exist")
	}
	return n, nil
}

func migrations() map[uint64]func(*bolt.Tx) error {
	return map[uint64]func(*bolt.Tx) error{1: indexExpiry, 2: addLineage}
}

// migrate brings the store to this version's schema in tx.
func migrate(tx *bolt.Tx, from uint64) error {
	steps := migrations()
	for n := from; n < schema; n++ {
		step, ok := steps[n]
		if !ok {
			return fmt.Errorf("there is no migration from schema %d", n)
		}
		if err := step(tx); err != nil {
			return fmt.Errorf("migration from schema %d: %w", n, err)
		}
	}
	return putSchema(tx, schema)
}

// indexExpiry makes the bucket expiry, which schema 1 lacked: there a request
// id was found to be expired when it was asked for, and never trimmed.
func indexExpiry(tx *bolt.Tx) error {
	expiry, err := tx.CreateBucketIfNotExists([]byte(expiryBucket))
	if err != nil {
		return err
	}
	requests := tx.Bucket([]byte(requestsBucket))
	if requests == nil {
		return fmt.Errorf("bucket %q is missing", requestsBucket)
	}
	return requests.ForEach(func(id, value []byte) error {
		r, err := openRequest(id, value)
		if err != nil {
			return err
		}
		return expiry.Put(expiryKey(r.expires, string(id)), []byte{1})
	})
}

// readState reads the state record of a store of this schema.
func readState(tx *bolt.Tx) (state, error) {
	for _, name := range bucketNames() {
		if tx.Bucket([]byte(name)) == nil {
			return state{}, damaged("bucket %q is missing", name)
		}
	}
	st, err := openState(tx.Bucket([]byte(metaBucket)).Get([]byte(stateKey)))
	if err != nil {
		return state{}, damaged("state: %v", err)
	}
	return st, nil
}
