//go:build linux

package lab_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func netnsOf(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestDoAndCommandRunInNamespace(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := labtest.New(t, lab.Options{Workers: -1, NoPods: true})
	ns := l.NS("k8s-master")
	outside := netnsOf(t)
	var in string
	err := ns.Do(func() (err error) {
		in, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	})
	if err != nil || in == outside {
		t.Fatalf("Do ran in %q (%v), outside is %q", in, err, outside)
	}
	cmd := ns.Command(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"=netns")
	out, err := cmd.Output()
	if err != nil || string(out) != in {
		t.Errorf("the command ran in %q (%v), want %q", out, err, in)
	}
	for range 100 {
		if got := netnsOf(t); got != outside {
			t.Fatalf("this code runs in %q, want %q", got, outside)
		}
	}
	if target, err := os.Stat(ns.Path()); err != nil || target.Size() != 0 {
		t.Errorf("handle file: %v", err)
	}
}

func TestDoSurvivesGoexit(t *testing.T) {
	l := labtest.New(t, lab.Options{Workers: -1, NoPods: true})
	probe := &testing.T{}
	if err := l.NS(lab.Host).Do(func() error { probe.FailNow(); return nil }); err == nil {
		t.Error("no error")
	}
}

func TestRouteDump(t *testing.T) {
	l := labtest.New(t, lab.Options{})
	ns := l.NS("k8s-worker")
	first := dump(t, ns)
	mustPing(t, ns, publicServer)
	if after := dump(t, ns); after != first {
		t.Errorf("traffic changed the dump to:\n%s\nfrom:\n%s", after, first)
	}
	for _, want := range []string{
		"v4 table=254 dst=0.0.0.0/0 metric=0 tos=0 type=1 scope=0 protocol=4 dev=eth0 gateway=10.0.10.1",
		"v4 table=254 dst=172.27.1.0/24 metric=0 tos=0 type=1 scope=0 protocol=80 dev=eth0 gateway=10.0.10.11",
		"v6 table=254 dst=fd00:172:27:1::/64 metric=1024 tos=0 type=1 scope=0 protocol=80 dev=eth0 gateway=fd00:10::11",
	} {
		if !strings.Contains(first, want+"\n") {
			t.Errorf("dump lacks %q:\n%s", want, first)
		}
	}
}

// Trap: IPv4 routes go with the link's address or state, silently.
func TestSilentLoss(t *testing.T) {
	l := labtest.New(t, lab.Options{})
	ns := l.NS("k8s-master")
	has := func() bool { return strings.Contains(dump(t, ns), "dst=192.168.21.0/24") }
	lose := map[string]func() error{
		"link down": func() error { return ns.SetDown("eth1") },
		"address":   func() error { return ns.DelAddress("eth1", netip.MustParsePrefix("192.168.20.11/24")) },
	}
	restore := map[string]func() error{
		"link down": func() error { return ns.SetUp("eth1") },
		"address": func() error {
			return ns.AddAddress("eth1", lab.Address{Prefix: netip.MustParsePrefix("192.168.20.11/24")})
		},
	}
	for name, f := range lose {
		err := ns.AddRoute(lab.RouteSpec{Destination: netip.MustParsePrefix("192.168.21.0/24"), NextHop: netip.MustParseAddr("192.168.20.1"), Link: "eth1"})
		if err != nil || !has() {
			t.Fatalf("add: %v", err)
		}
		if err := f(); err != nil {
			t.Fatal(err)
		}
		if has() {
			t.Errorf("%s: the route is still there", name)
		}
		if err := restore[name](); err != nil {
			t.Fatal(err)
		}
		if err := l.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustPing(t, ns, "192.168.20.1")
		// The kernel keeps IPv6 addresses when the link goes down.
		mustPing(t, ns, "fd00:20::1")
	}
	if err := l.NS("k8s-worker").DelLink("eth1"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.NS("k8s-worker").Link("eth1"); err == nil {
		t.Error("the link is still there")
	}
}

func TestPortsAreAsDescribed(t *testing.T) {
	l := labtest.New(t, lab.Options{})
	host := l.NS(lab.Host)
	for _, p := range l.Ports() {
		link, err := host.Link(p.Alias)
		if err != nil {
			t.Fatal(err)
		}
		if link.Attrs().HardwareAddr.String() != p.MAC.String() {
			t.Errorf("%s has %v, want %v", p.Alias, link.Attrs().HardwareAddr, p.MAC)
		}
		if p.Switch != "" {
			if link, err = host.Link(p.Switch); err != nil {
				t.Fatal(err)
			}
		}
		addrs, err := host.Handle().AddrList(link, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			if leased := a.ValidLft < 4000; leased != (p.Addressing == "dhcp") {
				t.Errorf("%s: %v lives %d s, want %s", p.Alias, a.IPNet, a.ValidLft, p.Addressing)
			}
		}
		if (len(addrs) == 0) != (p.Addressing == "none") {
			t.Errorf("%s has %v, want %s", p.Alias, addrs, p.Addressing)
		}
	}
	for _, n := range l.Nodes() {
		for _, nic := range n.NICs {
			link, err := l.NS(n.Name).Link(nic.Name)
			if err != nil || link.Attrs().HardwareAddr.String() != nic.MAC.String() {
				t.Errorf("%s %s: %v, want %v", n.Name, nic.Name, err, nic.MAC)
			}
		}
	}
}
