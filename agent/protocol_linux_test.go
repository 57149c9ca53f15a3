package agent_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// TestChangedProtocolNumber: an agent that starts under another number writes
// its routes again and leaves none under the old one.
func TestChangedProtocolNumber(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256), route(t, "2001:db8:1::/48", hop6, 256)})
	r.sync(h)
	want := []string{"10.1.0.0/16 via " + hop, "2001:db8:1::/48 via " + hop6}
	for _, number := range []uint8{160, 161, proto} {
		before := r.k.Protocol()
		r.proto = number
		r.restart()
		r.expect(want...)
		must(t, r.k.Survey(t.Context(), func(e kernel.Route) {
			if e.Protocol == before {
				t.Errorf("under the old number: %+v", e)
			}
		}))
	}
	s := r.sync(h)
	if len(s.Exceptions) > 0 {
		t.Errorf("exceptions %v", s.Exceptions)
	}
}

// clinging is a kernel that, while it clings, does not let go of routes with
// another number than the agent's.
type clinging struct {
	*kernel.Linux
	clings  *atomic.Bool
	refused *atomic.Int32
}

func (c clinging) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	for _, op := range ops {
		if op.Kind == kernel.Delete && op.Protocol != 0 && c.clings.Load() {
			c.refused.Add(1)
			results = append(results, kernel.Result{State: kernel.Failed, Err: &kernel.OpError{Op: op, Errno: 1}})
			continue
		}
		one, err := c.Linux.Apply(ctx, []kernel.Op{op}, nil)
		if results = append(results, one...); err != nil {
			return results, err
		}
	}
	return results, nil
}

// TestOldNumberThatResists: as long as the kernel has routes under a former
// number, a start still knows that they are ours.
func TestOldNumberThatResists(t *testing.T) {
	var clings atomic.Bool
	var refused atomic.Int32
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256), route(t, "2001:db8:1::/48", hop6, 256)})
	r.sync(h)
	under := func(number uint8) (n int) {
		t.Helper()
		must(t, r.k.Survey(t.Context(), func(e kernel.Route) {
			if e.Protocol == number {
				n++
			}
		}))
		return n
	}
	r.wrap = func(k *kernel.Linux) kernel.Kernel { return clinging{k, &clings, &refused} }
	clings.Store(true)
	r.proto = 160
	for range 2 { // the second start with that number still knows the former one
		refused.Store(0)
		r.restart()
		if under(proto) == 0 || refused.Load() == 0 {
			t.Fatalf("%d are left under the old number, %d deletions were refused", under(proto), refused.Load())
		}
	}
	clings.Store(false)
	r.restart()
	for limit := time.Now().Add(agenttest.Patience); under(proto) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d are left under the old number", under(proto))
		}
	}
	r.expect("10.1.0.0/16 via "+hop, "2001:db8:1::/48 via "+hop6)
}
