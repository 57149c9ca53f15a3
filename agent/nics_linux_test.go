package agent_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

// slowLinks is a kernel whose links take their time to be read, and cannot be read
// the first times.
type slowLinks struct {
	*kernel.Linux
	takes time.Duration
	fails *atomic.Int32
}

func (s slowLinks) Links(ctx context.Context) ([]kernel.Link, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
	}
	if s.fails.Add(-1) >= 0 {
		return nil, errors.New("broken")
	}
	return s.Linux.Links(ctx)
}

func hasNIC(mac string) func(*pb.Nic) bool {
	return func(n *pb.Nic) bool { return n.Mac == mac && n.Addressing == "static" && len(n.Connected) > 0 }
}

// TestTheHelloHasTheNICs: a host that calls at once hears of the NICs, also where
// the node has no set yet; where the links cannot be read it has its session, and
// hears of them later.
func TestTheHelloHasTheNICs(t *testing.T) {
	for name, fails := range map[string]int32{"slowly": 0, "not yet": 3} {
		t.Run(name, func(t *testing.T) {
			r, h := newRig(t), host()
			r.stop()
			left := new(atomic.Int32)
			left.Store(fails)
			r.wrap = func(k *kernel.Linux) kernel.Kernel { return slowLinks{k, 300 * time.Millisecond, left} }
			r.start()
			s := r.open(h)
			if there := slices.ContainsFunc(s.Hello.Nics, hasNIC(mac3)); there != (fails == 0) {
				t.Errorf("the hello has the NICs %v", s.Hello.Nics)
			}
			s.Until(t, "the NIC", func() bool { return slices.ContainsFunc(s.NICs, hasNIC(mac3)) })
			s.SendSet(t, h)
			s.Carried(t, h)
		})
	}
}
