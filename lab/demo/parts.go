//go:build linux

package demo

import (
	"context"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/lab"
)

func unreachable(ctx context.Context, s *show) {
	s.step("A camera that nobody in the cluster can reach")
	c := s.capture(ctx)
	defer c.close()
	for _, from := range s.sources() {
		res := s.ping(ctx, from, camera)
		s.check(!res.OK(), "%-12s pings %s: %s", from, camera, res)
	}
	port2, port3 := s.count(c, camera)
	s.check(port2 > 0 && port3 == 0, "capture: %d packets to the camera left by Port2, to the internet; %d by Port3", port2, port3)
}

func add(ctx context.Context, s *show) {
	s.step("One route on the appliance")
	s.run(ctx, 0, "add Port3 "+subnet+" "+gateway+" --metric 100")
	for _, node := range s.sys.Names() {
		line, err := s.kernelHas(node, subnet)
		s.must(err)
		s.check(line != "", "%-12s kernel: %s", node, line)
	}
	c := s.capture(ctx)
	defer c.close()
	for _, from := range s.sources() {
		res := s.ping(ctx, from, camera)
		s.check(res.OK(), "%-12s pings %s: %s", from, camera, res)
	}
	port2, port3 := s.count(c, camera)
	s.check(port3 > 0 && port2 == 0, "capture: %d packets to the camera on Port3, %d on Port2", port3, port2)
}

func get(ctx context.Context, s *show) {
	s.step("Get shows the custom routes, and no system route")
	res := s.run(ctx, 0, "get")
	s.check(strings.Contains(res.Stdout, subnet) && !strings.Contains(res.Stdout, "172.27."), "the nodes' own routes are not listed")
	s.run(ctx, 0, "explain "+camera)
}

func documented(ctx context.Context, s *show) {
	s.step("The vendor's own documented example: accepted, with a word of warning")
	res := s.run(ctx, 0, "add Port3 192.168.20.0/24 192.168.20.1 --metric 100")
	s.check(strings.Contains(res.Stdout+res.Stderr, "SHADOWED"), "the operator reads that the connected network wins")
	s.run(ctx, 0, "remove Port3 192.168.20.0/24")
}

func refusals(ctx context.Context, s *show) {
	s.step("What is refused, and what the operator reads")
	for _, r := range []struct{ line, reason string }{
		{"add Port1 192.168.21.0/24 10.10.1.1", "HOST_ROUTE"},
		{"add Port4 192.168.21.0/24 192.168.40.1", "INTERFACE_NOT_STATIC"},
		{"add Port5 192.168.21.0/24 192.168.50.1", "INTERFACE_TEAMED"},
		{"add Port3 0.0.0.0/0 192.168.20.1", "DEFAULT_ROUTE"},
		{"add Port3 172.27.5.0/24 192.168.20.1", "PROTECTED_PREFIX"},
		{"add Port3 192.168.21.5/24 192.168.20.1", "DESTINATION_HOST_BITS"},
		{"add Port3 192.168.23.0/24 192.168.99.1", "NEXT_HOP_NOT_ON_LINK"},
	} {
		code := 3
		if strings.HasPrefix(r.reason, "INTERFACE_") || r.reason == "HOST_ROUTE" {
			code = 6
		}
		res := s.run(ctx, code, r.line)
		if s.err == nil && !strings.Contains(res.Stderr, r.reason) {
			s.check(false, "%s is refused as %s", r.line, r.reason)
		}
	}
	own, err := s.sys.OwnRoutes("k8s-master")
	s.must(err)
	s.check(len(own) == 1, "nothing of this reached a kernel: k8s-master still has 1 custom route")
}

func repair(ctx context.Context, s *show) {
	s.step("Someone deletes the route in a node by hand")
	own, err := s.sys.OwnRoutes("k8s-worker")
	s.must(err)
	if s.err != nil || len(own) == 0 {
		s.check(false, "k8s-worker has the route")
		return
	}
	s.say("$ ip route delete %s        (in k8s-worker, as root)", subnet)
	s.must(s.sys.Lab.NS("k8s-worker").DelRoute(own[0]))
	took := s.until(ctx, "the route is back", func() (bool, error) {
		line, err := s.kernelHas("k8s-worker", subnet)
		return line != "", err
	})
	s.check(true, "back in the kernel, seen %s after the deletion", took.Round(10*time.Microsecond))
	res := s.ping(ctx, "k8s-worker", camera)
	s.check(res.OK(), "%-12s pings %s: %s", "k8s-worker", camera, res)
}

func reboot(ctx context.Context, s *show) {
	s.step("A node that is off while a route is added gets it when it boots")
	s.must(s.sys.PowerOff("k8s-worker"))
	s.until(ctx, "the service knows that k8s-worker is stopped", func() (bool, error) {
		res, err := s.sys.CLI(ctx, "nodes")
		return strings.Contains(res.Stdout, "stopped"), err
	})
	s.run(ctx, 0, "add Port3 "+second+" "+gateway)
	s.must(s.sys.PowerOn(ctx, "k8s-worker"))
	took := s.until(ctx, "k8s-worker has both routes", func() (bool, error) {
		first, err := s.kernelHas("k8s-worker", subnet)
		if err != nil {
			return false, err
		}
		other, err := s.kernelHas("k8s-worker", second)
		return first != "" && other != "", err
	})
	s.check(true, "k8s-worker is on again: both routes are in its kernel, %s later", took.Round(time.Millisecond))
	s.run(ctx, 0, "wait")
	s.run(ctx, 0, "get")
}

func crash(ctx context.Context, s *show) {
	s.step("The service is killed (SIGKILL) and started again")
	old := s.sys.Service().PID()
	s.must(s.sys.KillService())
	res := s.ping(ctx, "k8s-master", camera)
	s.check(res.OK(), "while it is down the nodes go on: k8s-master pings %s: %s", camera, res)
	if s.err == nil {
		s.must(s.sys.StartService(ctx))
	}
	s.run(ctx, 0, "wait")
	out := s.run(ctx, 0, "get")
	s.check(strings.Contains(out.Stdout, subnet) && strings.Contains(out.Stdout, second) && old != s.sys.Service().PID(), "nothing is lost")
}

func sixth(ctx context.Context, s *show) {
	s.step("IPv6 is no second class")
	s.run(ctx, 0, "add Port3 "+subnet6+" "+gateway6)
	for _, from := range s.sources() {
		res := s.ping(ctx, from, camera6)
		s.check(res.OK(), "%-12s pings %s: %s", from, camera6, res)
	}
}

func remove(ctx context.Context, s *show) {
	s.step("Remove takes it away everywhere")
	s.run(ctx, 0, "remove Port3 "+subnet)
	s.run(ctx, 0, "remove Port3 "+second)
	s.run(ctx, 0, "remove Port3 "+subnet6)
	for _, node := range s.sys.Names() {
		own, err := s.sys.OwnRoutes(node)
		s.must(err)
		s.check(len(own) == 0, "%-12s kernel: no custom route", node)
	}
	res := s.ping(ctx, "k8s-master", camera)
	s.check(!res.OK(), "%-12s pings %s: %s", "k8s-master", camera, res)
	s.run(ctx, 0, "audit list")
}

// untouched compares every routing table with what it was before.
func (s *show) untouched(before map[string]string) {
	s.step("Nothing else was touched")
	after := s.tables()
	same := 0
	for name, table := range before {
		if after[name] != table {
			s.check(false, "the routing table of %s is byte-identical to before", name)
			return
		}
		same++
	}
	s.check(before[lab.Host] != "", "the host's own routing table is byte-identical to before")
	s.check(same == len(before), "so are those of all %d namespaces, with the nodes' foreign routes (Calico's, the kernel's)", same)
}
