package boltstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

const nodeFormat = 1

func appendNode(b []byte, n store.KnownNode) []byte {
	b = append(b, nodeFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(n.Since.UnixNano()))
	return appendText(b, n.Name)
}

func decodeNode(id, value []byte) (store.KnownNode, error) {
	d := decoder{b: value}
	d.version(nodeFormat)
	n := store.KnownNode{ID: string(id), Since: time.Unix(0, int64(d.uint64())), Name: d.text()}
	if err := d.end(); err != nil {
		return n, damaged("known node %q: %v", id, err)
	}
	return n, nil
}

// openNode is decodeNode for what the bucket holds.
func openNode(id, sealed []byte) (store.KnownNode, error) {
	b, err := unseal(id, sealed)
	if err != nil {
		return store.KnownNode{}, damaged("known node %q: %v", id, err)
	}
	return decodeNode(id, b)
}

// knownNodes are the ids of the known nodes, sorted.
func (g *group) knownNodes() []string {
	if !g.listed {
		g.listed = true
		c := g.bucket(nodesBucket).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			g.nodes = append(g.nodes, string(k))
		}
	}
	return g.nodes
}

// KnownNodes implements store.Store.
func (s *Store) KnownNodes(ctx context.Context) (nodes []store.KnownNode, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(nodesBucket)).ForEach(func(k, v []byte) error {
			n, err := openNode(k, v)
			nodes = append(nodes, n)
			return err
		})
	})
	return nodes, err
}

// Know implements store.Store. A node that is known already costs no write;
// its Since stays.
func (s *Store) Know(ctx context.Context, node store.KnownNode) error {
	if node.ID == "" {
		return &routes.Error{Reason: routes.BadRequest, Field: "node", Value: `""`, Problem: "a node needs an id"}
	}
	if err := checkID("node", node.ID); err != nil {
		return err
	}
	return s.submit(ctx, 1, func(g *group) error {
		old := g.bucket(nodesBucket).Get([]byte(node.ID))
		if old != nil {
			known, err := openNode([]byte(node.ID), old)
			if err != nil {
				return g.fail(err)
			}
			node.Since = known.Since
			if known.Name == node.Name {
				return nil
			}
		}
		if node.Since.IsZero() {
			node.Since = g.now
		}
		// Removals before this one do not wait for the node.
		g.flush()
		g.put(nodesBucket, []byte(node.ID), seal([]byte(node.ID), appendNode(nil, node)))
		g.nodes, g.listed = nil, false
		return nil
	})
}

// Forget implements store.Store.
func (s *Store) Forget(ctx context.Context, id string, who store.Caller) error {
	return s.submit(ctx, 1, func(g *group) error {
		if id == "" || g.bucket(nodesBucket).Get([]byte(id)) == nil {
			return &routes.Error{Reason: routes.NotFound, Field: "node", Value: fmt.Sprintf("%.64q", id), Problem: "not a known node", Action: "List the nodes with hcsroute nodes", Related: slices.Clone(g.knownNodes())}
		}
		g.flush()
		keys, err := proofs(g.tx, id, math.MaxUint64, nil)
		if err != nil {
			return g.fail(err)
		}
		g.delete(nodesBucket, []byte(id))
		g.nodes, g.listed = nil, false
		g.prove(id, keys)
		note := fmt.Sprintf("node %s, %d removals unproved", id, len(keys))
		if left := g.lineage.without(func(loss store.Loss) bool { return loss.Node == id }); left != g.lineage {
			g.lineage = left
			note += ", and the loss that it had proved"
		}
		g.audit(store.AuditRecord{Caller: who, Action: "forget-node", Items: 1, Note: note})
		return nil
	})
}

// Prove implements store.Store. It writes nothing where nothing waits for the
// node, which is the common case of a report.
func (s *Store) Prove(ctx context.Context, node string, upTo routes.Revision, except map[routes.Key]struct{}) error {
	if s.Info().Removing == 0 {
		return nil
	}
	var n int
	err := s.view(ctx, func(tx *bolt.Tx) error {
		keys, err := proofs(tx, node, upTo, except)
		n = len(keys)
		return err
	})
	if err != nil || n == 0 {
		return err
	}
	return s.submit(ctx, n, func(g *group) error {
		g.flush()
		keys, err := proofs(g.tx, node, upTo, except)
		if err != nil {
			return g.fail(err)
		}
		if len(keys) > 0 {
			g.prove(node, keys)
		}
		return nil
	})
}

// Note implements store.Store.
func (s *Store) Note(ctx context.Context, who store.Caller, action, note string) error {
	return s.submit(ctx, 1, func(g *group) error {
		g.audit(store.AuditRecord{Caller: who, Action: action, Note: note})
		return nil
	})
}
