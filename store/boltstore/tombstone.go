package boltstore

import (
	"encoding/binary"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// waitingNode is the prefix of a node's keys in the bucket waiting.
func waitingNode(node string) []byte { return appendText(nil, node) }

func waitingKey(node string, rev routes.Revision, key []byte) []byte {
	b := binary.BigEndian.AppendUint64(waitingNode(node), uint64(rev))
	return append(b, key...)
}

func (g *group) putTombstone(key []byte, rec routes.Record, waiting []string) {
	g.put(tombstoneBucket, key, seal(key, appendTombstone(make([]byte, 0, 128), rec, waiting)))
}

// dropWaiting takes a tombstone out of what its nodes have yet to prove.
func (g *group) dropWaiting(key []byte) {
	rec, waiting, err := g.reader.tombstone(key, g.bucket(tombstoneBucket).Get(key))
	if err != nil {
		_ = g.fail(err)
		return
	}
	for _, node := range waiting {
		g.delete(waitingBucket, waitingKey(node, rec.Revision, key))
	}
}

// proofs are the keys in the bucket waiting that a node has proved: up to a
// revision, except for those excepted.
func proofs(tx *bolt.Tx, node string, upTo routes.Revision, except map[routes.Key]struct{}) ([][]byte, error) {
	prefix := waitingNode(node)
	var out [][]byte
	c := tx.Bucket([]byte(waitingBucket)).Cursor()
	for k, _ := c.Seek(prefix); k != nil && len(k) > len(prefix)+8 && string(k[:len(prefix)]) == string(prefix); k, _ = c.Next() {
		if routes.Revision(binary.BigEndian.Uint64(k[len(prefix):])) > upTo {
			break
		}
		if len(except) > 0 {
			key, err := routes.DecodeKey(k[len(prefix)+8:])
			if err != nil {
				return nil, err
			}
			if _, ok := except[key]; ok {
				continue
			}
		}
		out = append(out, append([]byte{}, k...))
	}
	return out, nil
}

// prove carries out proofs of a node. Tombstones that wait for no other node vanish.
func (g *group) prove(node string, keys [][]byte) {
	skip := len(waitingNode(node)) + 8
	var changes []store.Change
	for _, k := range keys {
		g.delete(waitingBucket, k)
		key := k[skip:]
		value := g.bucket(tombstoneBucket).Get(key)
		if value == nil {
			continue // Check reports an index that is wrong; a proof mends it
		}
		rec, waiting, err := g.reader.tombstone(key, value)
		if err != nil {
			_ = g.fail(err)
			return
		}
		waiting = slices.DeleteFunc(waiting, func(n string) bool { return n == node })
		if len(waiting) > 0 {
			g.putTombstone(key, rec, waiting)
			continue
		}
		g.delete(tombstoneBucket, key)
		g.st.removing--
		changes = append(changes, store.Change{Before: &rec})
	}
	if len(changes) > 0 {
		g.event(changes)
	}
	// What byPrefix holds of these tombstones is out of date.
	clear(g.byPrefix)
	g.order = nil
	g.ifaces = nil
}
