package agent

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/internal/nstest"
)

// slowLinks is a kernel that takes its time for a reading, and tells when each begins.
type slowLinks struct {
	*kernelfake.Kernel
	takes time.Duration
	begun chan time.Time
}

func (s slowLinks) Links(ctx context.Context) ([]kernel.Link, error) {
	s.begun <- time.Now()
	return nil, pause(ctx, s.takes)
}

// TestReadingLinksIsPaced: links that change all the time, as pods have them, are
// read again and again, and take no more than a share of the time.
func TestReadingLinksIsPaced(t *testing.T) {
	nstest.Veth{Name: "pod0", Peer: "peer0", MAC: "02:00:00:00:99:01"}.Add(t)
	pod, err := netlink.LinkByName("pod0")
	if err != nil {
		t.Fatal(err)
	}
	const takes = 250 * time.Millisecond
	k := slowLinks{kernelfake.New(157), takes, make(chan time.Time, 100)}
	a := &Agent{opts: Options{Kernel: k, Log: slog.New(slog.DiscardHandler)}, links: make(chan []kernel.Link, 100), look: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = a.watchLinks(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	var last time.Time
	limit, tick := time.After(agenttest.Patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for change, readings := 0, 0; readings < 4; {
		select {
		case begun := <-k.begun:
			if gap := begun.Sub(last); gap < linksPace*takes {
				t.Errorf("%v from one reading to the next, each of which takes %v", gap, takes)
			}
			last, readings = begun, readings+1
		case <-limit:
			t.Fatalf("%d readings", readings)
		case <-tick.C:
			change++
			if err := netlink.LinkSetAlias(pod, fmt.Sprint(change)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
