//go:build linux

package lab_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func TestPing(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := labtest.New(t, lab.Options{})
	node := l.NS("k8s-master")
	r, err := lab.Ping(t.Context(), node, netip.MustParseAddr("192.168.20.1"), lab.PingOptions{
		Count: 2, Timeout: 20 * time.Millisecond, Source: netip.MustParseAddr("10.0.10.11"),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The gateway has no way back to that source.
	if r.Received != 0 || r.Sent != 2 {
		t.Errorf("from the internal address: %v", r)
	}
	gateway, err := l.NS(lab.CameraGateway).Handle().AddrList(nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	linkLocal := 0
	for _, a := range gateway {
		if addr, _ := netip.AddrFromSlice(a.IP); addr.IsLinkLocalUnicast() && a.LinkIndex == linkIndex(t, l.NS(lab.CameraGateway), "eth0") {
			linkLocal++
			mustPing(t, node, addr.WithZone("eth1").String())
		}
	}
	if linkLocal != 1 {
		t.Errorf("the gateway has %d link-local addresses, want 1", linkLocal)
	}
}

func linkIndex(t *testing.T, ns *lab.NS, name string) int {
	t.Helper()
	link, err := ns.Link(name)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().Index
}

func TestPingUnanswered(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := labtest.New(t, lab.Options{})
	node := l.NS("k8s-master")
	short := lab.PingOptions{Timeout: 20 * time.Millisecond}
	for _, dst := range []string{"192.168.20.250", "fd00:20::250"} {
		r, err := lab.Ping(t.Context(), node, netip.MustParseAddr(dst), short)
		if err != nil || r.OK() || r.Sent != 1 {
			t.Errorf("%s: %v, %v", dst, r, err)
		}
	}
	// The camera gateway has no default route, so its kernel does not send.
	r, err := lab.Ping(t.Context(), l.NS(lab.CameraGateway), netip.MustParseAddr(publicServer), short)
	if err != nil || r.Problem == nil {
		t.Errorf("without a route: %v, %v", r, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = lab.Ping(ctx, node, netip.MustParseAddr("192.168.20.250"), lab.PingOptions{Count: 100})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 30*time.Second {
		t.Errorf("cancelled: %v after %v", err, time.Since(start))
	}
}

func TestCapture(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := labtest.New(t, lab.Options{Workers: -1, NoPods: true})
	node := l.NS("k8s-master")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := lab.Capture(ctx, node, "eth1")
	if err != nil {
		t.Fatal(err)
	}
	mustPing(t, node, "192.168.20.1")
	mustPing(t, node, "fd00:20::1")
	cancel()
	r.Close()
	list, err := r.Packets()
	if err != nil {
		t.Fatal(err)
	}
	var icmp [2]int
	for _, p := range list {
		if p.Proto == 1 {
			icmp[0]++
			if want := netip.MustParseAddr("192.168.20.1"); p.Outgoing != (p.Dst == want) {
				t.Errorf("direction of %v", p)
			}
		}
		if p.Proto == 58 && p.Dst == netip.MustParseAddr("fd00:20::1") {
			icmp[1]++
		}
	}
	if icmp[0] != 2 || icmp[1] == 0 {
		t.Errorf("%d ICMP and %d ICMPv6 packets in %v", icmp[0], icmp[1], list)
	}
	if _, err := lab.Capture(t.Context(), node, "eth9"); err == nil {
		t.Error("captured on a link that is not there")
	}
}
