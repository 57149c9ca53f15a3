//go:build linux

package lab_test

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

const (
	camera21, camera21v6 = "192.168.21.15", "fd00:21::15"
	publicServer         = "198.51.100.53"
)

func TestDiagramIsConnected(t *testing.T) {
	defer goleak.VerifyNone(t)
	start := time.Now()
	l := labtest.New(t, lab.Options{})
	t.Logf("up in %v, NAT problem %q, team declared %v", time.Since(start), l.NATProblem, l.TeamIsDeclared)
	for _, n := range l.Nodes() {
		for _, dst := range []string{"10.0.10.1", "fd00:10::1", "203.0.113.1", publicServer, "2001:db8:ffff::1", "192.168.20.1", "fd00:20::1", "192.168.20.10", "10.0.10.11", "10.0.10.12", "192.168.20.12", "172.27.1.10", "172.27.2.10"} {
			mustPing(t, l.NS(n.Name), dst)
		}
		for _, dst := range []string{"172.27.1.10", "172.27.2.10", "fd00:172:27:1::10", "fd00:172:27:2::10", publicServer, "2001:db8:ffff::1", "192.168.20.1", "fd00:20::1"} {
			mustPing(t, l.NS(n.Pod), dst)
		}
	}
	mustPing(t, l.NS(lab.Camera21), "192.168.22.15")
	mustPing(t, l.NS(lab.CameraGateway), camera21v6)
}

func TestNodeNeedsRoute(t *testing.T) {
	l := labtest.New(t, lab.Options{})
	hostBefore := dump(t, l.NS(lab.Host))
	for _, n := range l.Nodes() {
		for _, dst := range []string{camera21, camera21v6} {
			checkWrongPort(t, l, probe{l.NS(n.Name), dst})
			checkWrongPort(t, l, probe{l.NS(n.Pod), dst})
		}
	}
	before := map[string]string{}
	for _, n := range l.Nodes() {
		before[n.Name] = dump(t, l.NS(n.Name))
		addCameraRoutes(t, l.NS(n.Name))
	}
	for _, n := range l.Nodes() {
		for _, dst := range []string{camera21, camera21v6} {
			checkRightPort(t, l, probe{l.NS(n.Name), dst})
			checkRightPort(t, l, probe{l.NS(n.Pod), dst})
		}
		mustPing(t, l.NS(n.Name), publicServer)
	}
	for _, n := range l.Nodes() {
		deleteStatic(t, l.NS(n.Name))
		if after := dump(t, l.NS(n.Name)); after != before[n.Name] {
			t.Errorf("%s after removal:\n%s\nbefore:\n%s", n.Name, after, before[n.Name])
		}
	}
	if after := dump(t, l.NS(lab.Host)); after != hostBefore {
		t.Errorf("the host's routes are now:\n%s\nthey were:\n%s", after, hostBefore)
	}
}

type probe struct {
	from *lab.NS
	dst  string
}

func checkWrongPort(t *testing.T, l *lab.Lab, p probe) {
	t.Helper()
	port2, port3 := record(t, l.NS(lab.Host), "Port2"), record(t, l.NS(lab.Host), "Port3")
	before, err := l.NS(lab.Internet).Unroutable()
	if err != nil {
		t.Fatal(err)
	}
	r := ping(t, p.from, p.dst)
	after, err := l.NS(lab.Internet).Unroutable()
	if err != nil {
		t.Fatal(err)
	}
	if r.Received != 0 || count(t, port2, p.dst) != 1 || count(t, port3, p.dst) != 0 || after != before+1 {
		t.Errorf("%s -> %s without route: %v; %d on Port2, %d on Port3, %d refused by the internet side; want 1, 0, 1",
			p.from.Name(), p.dst, r, count(t, port2, p.dst), count(t, port3, p.dst), after-before)
	}
	if !r.Unreachable.IsValid() {
		t.Errorf("%s -> %s: the internet side did not say unreachable: %v", p.from.Name(), p.dst, r)
	}
}

func checkRightPort(t *testing.T, l *lab.Lab, p probe) {
	t.Helper()
	port2, port3 := record(t, l.NS(lab.Host), "Port2"), record(t, l.NS(lab.Host), "Port3")
	mustPing(t, p.from, p.dst)
	if count(t, port2, p.dst) != 0 || count(t, port3, p.dst) != 1 {
		t.Errorf("%s -> %s with route: %d on Port2, %d on Port3, want 0, 1", p.from.Name(), p.dst, count(t, port2, p.dst), count(t, port3, p.dst))
	}
}

const testProtocol = 157

func addCameraRoutes(t *testing.T, ns *lab.NS) {
	t.Helper()
	for dst, via := range map[string]string{"192.168.21.0/24": "192.168.20.1", "fd00:21::/64": "fd00:20::1"} {
		err := ns.AddRoute(lab.RouteSpec{
			Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(via),
			Link: "eth1", Metric: 256, Protocol: testProtocol,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func deleteStatic(t *testing.T, ns *lab.NS) {
	t.Helper()
	for _, family := range []int{2, 10} {
		list, err := ns.Routes(family)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if r.Protocol != testProtocol {
				continue
			}
			if err := ns.DelRoute(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWithoutNAT(t *testing.T) {
	l := labtest.New(t, lab.Options{NoNAT: true})
	if l.NATProblem == "" {
		t.Error("NATProblem is empty")
	}
	for _, n := range l.Nodes() {
		addCameraRoutes(t, l.NS(n.Name))
	}
	for _, n := range l.Nodes() {
		for _, dst := range []string{publicServer, "2001:db8:ffff::1", camera21, camera21v6} {
			mustPing(t, l.NS(n.Name), dst)
			mustPing(t, l.NS(n.Pod), dst)
		}
	}
}

func TestSizes(t *testing.T) {
	l := labtest.New(t, lab.Options{Workers: 3, NoPods: true})
	mustPing(t, l.NS("k8s-worker-3"), "10.0.10.11")
	mustPing(t, l.NS("k8s-worker-3"), "192.168.20.12")
	if got := len(l.Nodes()); got != 4 {
		t.Errorf("%d nodes, want 4", got)
	}
	alone := labtest.New(t, lab.Options{Workers: -1})
	if got := len(alone.Nodes()); got != 1 {
		t.Errorf("%d nodes without workers, want 1", got)
	}
}

func TestBare(t *testing.T) {
	l := labtest.Bare(t, 20)
	for _, n := range l.Nodes() {
		addCameraRoutes(t, l.NS(n.Name))
	}
}

func BenchmarkNew(b *testing.B) {
	labtest.Require(b)
	for b.Loop() {
		l, err := lab.New(b.Context(), lab.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkBare(b *testing.B) {
	for _, count := range []int{10, 300} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			labtest.Require(b)
			for b.Loop() {
				l, err := lab.Bare(b.Context(), count)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
