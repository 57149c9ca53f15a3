//go:build linux

package e2e

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestChangesHaveNoGap pings both cameras without a pause while metric and next
// hop change again and again: every packet is answered, and none takes the
// node's default route.
func TestChangesHaveNoGap(t *testing.T) {
	s := start(t, system.Options{})
	for _, second := range []string{"192.168.20.2/24", "fd00:20::2/64"} {
		if err := s.Lab.NS(lab.CameraGateway).AddAddress("eth0", lab.Address{Prefix: netip.MustParsePrefix(second)}); err != nil {
			t.Fatal(err)
		}
	}
	node := s.Lab.NS("k8s-master")
	for _, c := range []struct{ destination, camera, hop, other string }{
		{"192.168.21.0/24", "192.168.21.15", "192.168.20.1", "192.168.20.2"},
		{"fd00:21::/64", "fd00:21::15", "fd00:20::1", "fd00:20::2"},
	} {
		camera := netip.MustParseAddr(c.camera)
		cli(t, s, 0, "add", "Port3", c.destination, c.hop)
		wrong, err := lab.Capture(t.Context(), node, "eth0")
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var sent atomic.Int64
		var probe sync.WaitGroup
		probe.Go(func() {
			for {
				r, err := lab.Ping(t.Context(), node, camera, lab.PingOptions{Count: 10})
				if sent.Add(int64(r.Sent)); err != nil || !r.OK() {
					t.Errorf("%s: %s, %v", camera, r, err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		for round := 0; round < 4 || sent.Load() < 100 && !t.Failed(); round++ { // on a busy machine it takes more
			cli(t, s, 0, "set", "Port3", c.destination, "--new-next-hop", c.other)
			cli(t, s, 0, "set", "Port3", c.destination, "--metric", "90")
			cli(t, s, 0, "set", "Port3", c.destination, "--new-next-hop", c.hop, "--metric", "300")
		}
		close(stop)
		probe.Wait()
		stray, err := wrong.Count(lab.To(camera))
		wrong.Close()
		if err != nil || stray > 0 {
			t.Errorf("%d packets to %s took the default route, %v", stray, camera, err)
		}
		t.Logf("%s: %d packets", camera, sent.Load())
	}
}
