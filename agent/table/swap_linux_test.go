package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// watched follows what the kernel says of our routes to one destination.
type watched struct {
	sub  *rtnl.Watch
	held map[string]bool // "hop metric"
}

func watchFrom(t testing.TB, wants ...Want) *watched {
	t.Helper()
	sub, err := rtnl.Subscribe(0)
	ok(t, err)
	t.Cleanup(func() { _ = sub.Close() })
	ok(t, sub.SetDeadline(time.Now().Add(time.Minute)))
	return &watched{sub: sub, held: hopsAndMetrics(wants)}
}

func hopsAndMetrics(wants []Want) map[string]bool {
	out := map[string]bool{}
	for _, w := range wants {
		out[fmt.Sprintf("%s %d", w.Route.NextHop(), w.Route.Metric())] = true
	}
	return out
}

// until reads on to the moment in which the kernel holds wants. At no moment
// before may it hold nothing.
func (w *watched) until(t testing.TB, wants ...Want) {
	t.Helper()
	dst, end := wants[0].Route.Destination(), hopsAndMetrics(wants)
	var steps []string
	for !maps.Equal(w.held, end) {
		events, err := w.sub.Next(nil)
		ok(t, err)
		for _, e := range events {
			if e.Route.Protocol != testProtocol || e.Route.Destination != dst {
				continue
			}
			name := fmt.Sprintf("%s %d", e.Route.NextHop, e.Route.Metric)
			steps = append(steps, fmt.Sprint(e.Kind, " ", name))
			if e.Kind == rtnl.RouteDeleted {
				delete(w.held, name)
			} else {
				w.held[name] = true
			}
		}
		if len(w.held) == 0 {
			t.Fatalf("%s: no route to it after %q", dst, steps)
		}
	}
}

// TestMetricsInACircle: routes to one destination exchange their metrics, in
// one delta and in one for each, and the kernel has a route throughout.
func TestMetricsInACircle(t *testing.T) {
	testVeth().Add(t)
	r := run(t, Options{})
	for _, dst := range []string{"10.1.0.0/16", "2001:db8:1::/48"} {
		net := "10.200.0."
		if strings.Contains(dst, ":") {
			net = "fd00:200::"
		}
		circle := func(metrics ...uint32) []Want {
			all := make([]Want, len(metrics))
			for i, m := range metrics {
				all[i] = want(t, dst, fmt.Sprint(net, i+2), m)
			}
			return all
		}
		for _, n := range []int{2, 3, 5} {
			metrics := []uint32{10, 20, 30, 40, 50}[:n]
			first := circle(metrics...)
			next := circle(append(slices.Clone(metrics[1:]), metrics[0])...)
			r.set(t, first...)
			w := watchFrom(t, first...)
			r.apply(t, next)
			w.until(t, next...)
			r.plain(t, next)
			// One by one: each waits for the key that the next one holds.
			for _, one := range first {
				r.apply(t, []Want{one})
			}
			w.until(t, first...)
			r.plain(t, first)
		}
	}
}

// plain checks that all routes are programmed, the first by metric to win.
func (r *rig) plain(t testing.TB, wants []Want) {
	t.Helper()
	r.wait(t, "all to be programmed", func() bool {
		for _, w := range wants {
			if e, exception := r.excs[w.Route.Key()]; exception && e.State != routes.Programmed {
				return false
			}
		}
		return r.last.Programmed == len(wants)
	})
}
