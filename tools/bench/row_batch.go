//go:build linux

package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// rowBatch measures one BatchAddRoutes that waits for PROGRAMMED.
func rowBatch(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.pair(ctx)
	if err != nil {
		return nil, err
	}
	others, err := b.sites(ctx, 2)
	if err != nil {
		return nil, err
	}
	var out []Line
	for _, f := range []family{v4, v6} {
		set, err := f.routeSet(b.large, b.small)
		if err != nil {
			return nil, err
		}
		list := messages(set)
		limit, err := bareBatch(b, others, set)
		if err != nil {
			return nil, err
		}
		list0 := []contender{{name: "batch", run: func(ctx context.Context) (time.Duration, error) {
			d, err := timed(func() error { return p.add(ctx, list) })
			if err != nil {
				return 0, err
			}
			if err := p.expect(ctx, b.small); err != nil {
				return 0, err
			}
			return d, p.removeAll(ctx, set)
		}}, limit}
		ip, err := ipTwice(others, f, set)
		if err != nil {
			return nil, err
		}
		list0 = append(list0, ip)
		got, err := race(ctx, b.Rounds, list0...)
		if err != nil {
			return nil, err
		}
		line := Line{
			Work: "batch of " + title(b.small, f) + ": RPC → durable → two nodes → read back", Ours: figure("BatchAddRoutes", got["batch"]),
			Limit: figure(limit.name, got[limit.name]), Peers: figures(got, list0[2:]), Goal: "≤ 2 ×, then 1 × ip -batch into both",
		}
		if t := got[ip.name].median(); t > 0 {
			line.Reached = fmt.Sprintf("%.2f × ip -batch", got["batch"].median()/t)
			line.Verdict = verdict(got["batch"].median() <= 2*t)
		}
		out = append(out, line)
	}
	return out, nil
}

// ipTwice is `ip -batch` into two kernels, one after the other.
func ipTwice(nodes []*site, f family, set []routes.Route) (contender, error) {
	const name = "ip -batch, both"
	batch, ok, err := newIPBatch(nodes[0], f, set)
	if err != nil || !ok {
		return contender{name: name, missing: absent}, err
	}
	return contender{name: name, run: func(ctx context.Context) (sum time.Duration, err error) {
		for _, s := range nodes {
			d, err := batch.run(ctx, s.ns)
			if err != nil {
				return 0, err
			}
			sum += d
		}
		for _, s := range nodes {
			if err := s.clean(ctx, peerProtocol, len(set)); err != nil {
				return 0, err
			}
		}
		return sum, nil
	}}, nil
}

// bareBatch is one bbolt transaction of as many puts, one synced append, and
// bare netlink into both kernels.
func bareBatch(b *bench, nodes []*site, set []routes.Route) (contender, error) {
	d, err := openBareDisk(b)
	if err != nil {
		return contender{}, err
	}
	var kernels []contender
	for _, s := range nodes {
		k, err := bareContender(s, set)
		if err != nil {
			return contender{}, err
		}
		kernels = append(kernels, k)
	}
	return contender{name: "one bbolt transaction + bare netlink, both", run: func(ctx context.Context) (time.Duration, error) {
		sum, err := timed(func() error { return d.putAll(set) })
		if err != nil {
			return 0, err
		}
		for _, k := range kernels {
			took, err := k.run(ctx)
			if err != nil {
				return 0, err
			}
			sum += took
		}
		return sum, nil
	}}, nil
}

// bareStore opens a bbolt file as the service's store does, with nothing around it.
func bareStore(dir string) (*bolt.DB, error) {
	db, err := bolt.Open(filepath.Join(dir, "bare.db"), 0o600, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	return db, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(bareBucket))
		return err
	})
}

const (
	bareBucket = "routes"
	// valueSize is about that of a record in the store.
	valueSize = 120
)

func addOp(e routes.FIBEntry) []rtnl.Op { return []rtnl.Op{{Kind: rtnl.Add, Entry: e}} }
