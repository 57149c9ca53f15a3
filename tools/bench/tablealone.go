//go:build linux

package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/table"
	"github.com/hcsroute/hcsroute/lab/system"
	"github.com/hcsroute/hcsroute/routes"
)

const tableName = "agent/table alone"

// tableAlone is the part of the agent that programs, in this process: without
// session, digest, journal and disk, with the drift watch and the read-back.
type tableAlone struct {
	table      *table.Table
	mac        string
	generation uint64
}

func newTableAlone(ctx context.Context, s *site) (*tableAlone, error) {
	started := make(chan error, 1)
	t := &tableAlone{mac: s.mac}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ended <- s.ns.Do(func() error {
			k, err := kernel.Open(system.Protocol)
			if err == nil {
				t.table = table.New(k, table.Options{})
			}
			started <- err
			if err != nil {
				return err
			}
			// Its sockets are opened by this thread, in the namespace.
			_ = t.table.Run(ctx)
			return k.Close()
		})
	}()
	if err := <-started; err != nil {
		cancel()
		return nil, err
	}
	s.bench.closers = append(s.bench.closers, func() error {
		cancel()
		return <-ended
	})
	return t, nil
}

// set gives the table a whole set and waits until it was read back.
func (t *tableAlone) set(ctx context.Context, set []routes.Route) (time.Duration, error) {
	wants := make([]table.Want, len(set))
	for i, r := range set {
		wants[i] = table.Want{Route: r, MAC: t.mac}
	}
	t.generation++
	return timed(func() error {
		t.table.SetDesired(table.Set{Generation: t.generation, Len: len(wants), Routes: slices.Values(wants)})
		for {
			r, err := t.table.Next(ctx)
			if err != nil {
				return err
			}
			if r.Generation == t.generation {
				if r.Programmed != len(set) {
					return fmt.Errorf("%d of %d routes are programmed", r.Programmed, len(set))
				}
				return nil
			}
		}
	})
}

func (t *tableAlone) contender(set []routes.Route) contender {
	return contender{name: tableName, run: func(ctx context.Context) (time.Duration, error) {
		d, err := t.set(ctx, set)
		if err != nil {
			return 0, err
		}
		_, err = t.set(ctx, nil)
		return d, err
	}}
}
