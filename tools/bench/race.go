//go:build linux

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// contender does one piece of work, over and over.
type contender struct {
	name string
	// missing says why it cannot take part; run is then not called.
	missing string
	// optional says that the others go on without it where it fails.
	optional bool
	// rounds bounds its rounds; 0 does not.
	rounds int
	// run does the work once and returns how long it took. What it does before
	// and after, such as to take the routes away again, does not count.
	run func(context.Context) (time.Duration, error)
}

// race runs all contenders in each round, in an order of chance. It notes in
// list which optional ones failed.
func race(ctx context.Context, rounds int, list ...contender) (map[string]sample, error) {
	got := make(map[string]sample, len(list))
	for round := range rounds {
		for _, i := range rand.Perm(len(list)) {
			c := list[i]
			if c.missing != "" || c.rounds > 0 && round >= c.rounds {
				continue
			}
			runtime.GC() // our own garbage must not cost anyone
			d, err := c.run(ctx)
			if err != nil && c.optional && ctx.Err() == nil {
				list[i].missing = fmt.Sprintf("failed: %.120s", err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			s := got[c.name]
			s.add(d)
			got[c.name] = s
		}
	}
	return got, nil
}

// figures are those of the contenders, in their order.
func figures(got map[string]sample, list []contender) []Figure {
	var out []Figure
	for _, c := range list {
		switch {
		case c.missing != "":
			out = append(out, Figure{Name: c.name, Text: c.missing})
		case len(got[c.name]) > 0:
			out = append(out, figure(c.name, got[c.name]))
		}
	}
	return out
}

// timed measures a function.
func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// pause lets time go by that belongs to what is measured.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
