//go:build linux

package e2e

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// statusOf is what the service says of a route on one node, as "STATE CAUSE CONDITION".
func statusOf(t *testing.T, s *system.System, node, destination, hop string) string {
	t.Helper()
	conn := dial(t, s)
	defer conn.Close() // a caller may have only so many, and this is asked again and again
	res, err := pb.NewRouteServiceClient(conn).GetRoute(t.Context(), &pb.GetRouteRequest{
		Selector: &pb.RouteSelector{Interface: "Port3", Destination: destination, NextHop: hop},
	})
	if err != nil {
		return err.Error()
	}
	for _, n := range res.Route.Nodes {
		if n.Node == node {
			words := strings.Fields(strings.TrimPrefix(n.State.String(), "STATE_") + " " + n.Cause + " " + n.Condition)
			return strings.Join(words, " ")
		}
	}
	return "no word of " + node
}

// editInventory replaces the inventory file, as an operator's editor does.
func editInventory(t *testing.T, s *system.System, data []byte) {
	t.Helper()
	temp := s.InventoryPath() + ".edited"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, s.InventoryPath()); err != nil {
		t.Fatal(err)
	}
}

func readInventory(t *testing.T, s *system.System) []byte {
	t.Helper()
	data, err := os.ReadFile(s.InventoryPath())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTheWinnerIsTold: who wins in the kernel shows in the status as it changes.
func TestTheWinnerIsTold(t *testing.T) {
	s := start(t, system.Options{})
	ns := s.Lab.NS("k8s-master")
	const hop, second = "192.168.20.1", "192.168.20.2"
	const destination = "192.168.21.0/24"
	cli(t, s, 0, "add", "Port3", destination, hop, "--metric", "100")
	cli(t, s, 0, "add", "Port3", destination, second, "--metric", "200")
	wants := func(what, first, other string) {
		t.Helper()
		polltest.Until(t, what, func() bool {
			return statusOf(t, s, "k8s-master", destination, hop) == first && statusOf(t, s, "k8s-master", destination, second) == other
		})
	}
	wants("the lower metric wins", "PROGRAMMED", "PROGRAMMED STANDBY")
	cli(t, s, 0, "set", "Port3", destination, second, "--metric", "50")
	wants("they change places", "PROGRAMMED STANDBY", "PROGRAMMED")
	foreign := lab.RouteSpec{Destination: netip.MustParsePrefix(destination), NextHop: netip.MustParseAddr("192.168.20.3"), Link: "eth1", Metric: 10, Protocol: 4}
	if err := ns.AddRoute(foreign); err != nil {
		t.Fatal(err)
	}
	wants("a foreign route wins", "PROGRAMMED SHADOWED", "PROGRAMMED SHADOWED")
	if res := cli(t, s, 0, "get", destination, "-o", "wide"); !contains(res.Stdout, "SHADOWED", "192.168.20.3", "metric 10") {
		t.Errorf("the winner is not named:\n%s", res.Stdout)
	}
	list, err := ns.Routes(netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Protocol == 4 && r.Priority == 10 {
			if err := ns.DelRoute(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	wants("the foreign route is gone", "PROGRAMMED STANDBY", "PROGRAMMED")

	res := cli(t, s, 9, "add", "Port3", "fd00:20::/64", "fd00:20::1") // metric 256 is that of IPv6's connected routes
	if !contains(res.Stdout+res.Stderr, "KEY_HELD", "metric 256") {
		t.Errorf("the holder of the key is not named:\n%s%s", res.Stdout, res.Stderr)
	}
	cli(t, s, 0, "set", "Port3", "fd00:20::/64", "--metric", "300")
	wantsTold(t, s, "fd00:20::/64", "fd00:20::1", "PROGRAMMED SHADOWED")
}

func wantsTold(t *testing.T, s *system.System, destination, hop, want string) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Logf("%s was %s", destination, last)
		}
	}()
	polltest.Until(t, destination+" is "+want, func() bool {
		last = statusOf(t, s, "k8s-master", destination, hop)
		return last == want
	})
}

// TestNICsChange: what happens to the node's NIC shows in the status and in the
// kernel; the route stays stored.
func TestNICsChange(t *testing.T) {
	s := start(t, system.Options{})
	ns := s.Lab.NS("k8s-master")
	const destination, hop = "192.168.21.0/24", "192.168.20.1"
	cli(t, s, 0, "add", "Port3", destination, hop)
	good := readInventory(t, s)
	becomes := func(want string, inKernel int) {
		t.Helper()
		wantsTold(t, s, destination, hop, want)
		if n := own(t, s, "k8s-master"); n != inKernel {
			t.Errorf("%s is %s, and %d of our routes are in the kernel, want %d", destination, want, n, inKernel)
		}
	}

	editInventory(t, s, bytes.ReplaceAll(good, []byte("switch: vswitch-Port3"), []byte("switch: another")))
	becomes("WAITING NO_NODE_NIC", 0)
	editInventory(t, s, good)
	becomes("PROGRAMMED", 1)

	eth1, err := ns.Link("eth1")
	if err != nil {
		t.Fatal(err)
	}
	mac := eth1.Attrs().HardwareAddr
	wears := func(mac net.HardwareAddr) {
		t.Helper()
		if err := ns.Handle().LinkSetHardwareAddr(eth1, mac); err != nil {
			t.Fatal(err)
		}
	}
	doctorTells := func(withdrawn bool) {
		t.Helper()
		text := "Port3: withdrew 1 of its routes from the kernel: no link has the MAC " + mac.String()
		polltest.Until(t, "doctor names what was withdrawn, while it is", func() bool {
			res, err := s.CLI(t.Context(), "doctor")
			return err == nil && strings.Contains(res.Stdout, text) == withdrawn && (res.Code == 9) == withdrawn
		})
	}
	stranger := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	wears(stranger)
	becomes("WAITING NO_NODE_NIC", 0)
	doctorTells(true)
	wears(mac)
	becomes("PROGRAMMED", 1)
	doctorTells(false)

	// A route that is there stays when the address becomes a leased one; so it must
	// be away, and the agent must not know the NIC, until there is one.
	wears(stranger)
	becomes("WAITING NO_NODE_NIC", 0)
	address := netip.MustParsePrefix("192.168.20.11/24")
	if err := ns.DelAddress("eth1", address); err != nil {
		t.Fatal(err)
	}
	if err := ns.AddAddress("eth1", lab.Address{Prefix: address, Lease: time.Hour}); err != nil {
		t.Fatal(err)
	}
	wears(mac)
	becomes("FAILED NIC_NOT_STATIC", 0) // its IPv6 address is static still
	if err := ns.DelAddress("eth1", address); err != nil {
		t.Fatal(err)
	}
	if err := ns.AddAddress("eth1", lab.Address{Prefix: address}); err != nil {
		t.Fatal(err)
	}
	becomes("PROGRAMMED", 1)
}

// TestPortsChange: a port that may take no new routes keeps those that it has,
// and get and add warn of it.
func TestPortsChange(t *testing.T) {
	s := start(t, system.Options{})
	route := []string{"Port3", "192.168.21.0/24", "192.168.20.1"}
	cli(t, s, 0, append([]string{"add"}, route...)...)
	good := readInventory(t, s)
	file := s.InventoryPath() + ".export"
	if err := os.WriteFile(file, []byte(cli(t, s, 0, "export").Stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	host := s.Lab.NS(lab.Host)
	address := netip.MustParsePrefix("192.168.20.10/24")
	for _, c := range []struct {
		warning, reason string
		change, undo    func() error
	}{
		{"INTERFACE_TEAMED", "INTERFACE_TEAMED", func() error {
			editInventory(t, s, bytes.Replace(good, []byte("alias: Port3\n"), []byte("alias: Port3\n      team: T1\n"), 1))
			return nil
		}, func() error { editInventory(t, s, good); return nil }},
		{"INTERFACE_ROLE_CHANGED", "HOST_ROUTE", func() error {
			editInventory(t, s, bytes.Replace(good, []byte("alias: Port3\n"), []byte("alias: Port3\n      role: management\n"), 1))
			return nil
		}, func() error { editInventory(t, s, good); return nil }},
		{"INTERFACE_NO_LONGER_STATIC", "INTERFACE_NOT_STATIC", func() error {
			if err := host.DelAddress("vswitch-Port3", address); err != nil {
				return err
			}
			return host.AddAddress("vswitch-Port3", lab.Address{Prefix: address, Lease: time.Hour})
		}, func() error {
			if err := host.DelAddress("vswitch-Port3", address); err != nil {
				return err
			}
			return host.AddAddress("vswitch-Port3", lab.Address{Prefix: address})
		}},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		polltest.Until(t, "get warns: "+c.warning, func() bool {
			res, err := s.CLI(t.Context(), "get", "-o", "json")
			return err == nil && contains(res.Stdout, `"`+c.warning+`"`)
		})
		res := cli(t, s, 6, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
		if !contains(res.Stderr, c.reason, "Port3", "hint: ") {
			t.Errorf("a new route is refused with:\n%s", res.Stderr)
		}
		// The same again is a success, in every form.
		if res := cli(t, s, 0, append([]string{"add"}, route...)...); !contains(res.Stdout+res.Stderr, "unchanged", c.warning) {
			t.Errorf("the same route again:\n%s%s", res.Stdout, res.Stderr)
		}
		cli(t, s, 0, "apply", file, "--yes")
		cli(t, s, 0, "add", "--from", file)
		if n := own(t, s, "k8s-master"); n != 1 {
			t.Errorf("%d routes in the kernel while the port is not fit, want the one", n)
		}
		if err := c.undo(); err != nil {
			t.Fatal(err)
		}
		polltest.Until(t, "the port takes routes again", func() bool {
			res, err := s.CLI(t.Context(), "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--dry-run")
			return err == nil && res.Code == 0
		})
	}
}
